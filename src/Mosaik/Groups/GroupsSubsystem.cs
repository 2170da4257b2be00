using Mosaik.Networking;
using Mosaik.Waiting;

namespace Mosaik.Groups;

/// <summary>Groups as a part of a node: registered with its router, told of the catalog, left when the node leaves.</summary>
internal sealed class GroupsSubsystem : ISubsystem
{
    private readonly LocalNode _local;
    private readonly GroupsContext _context;
    private readonly CancellationTokenSource _stop = new();
    private Task _watch = Task.CompletedTask;

    public GroupsSubsystem(LocalNode local, GroupsContext context)
    {
        _local = local;
        _context = context;
        Groups = new NetworkGroups(context);
    }

    /// <inheritdoc/>
    public string Name => "groups";

    /// <summary>The public face.</summary>
    public NetworkGroups Groups { get; }

    /// <inheritdoc/>
    public ValueTask StartAsync(CancellationToken cancellationToken)
    {
        _local.Router.Register(WireProtocol.Groups, new GroupsAcceptor(_context, Groups));
        _watch = _context.Scheduler.Start(WatchAsync);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public void OnOnline()
    {
        // Groups are announced by discovery.
    }

    /// <inheritdoc/>
    public ValueTask LeaveAsync(CancellationToken cancellationToken) => Groups.StopAsync(isGraceful: true);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Groups.StopAsync(isGraceful: false).ConfigureAwait(false);
        _stop.Cancel();
        await _watch.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        try
        {
            await foreach (var update in _context.Discovery.WatchCatalogAsync(_stop.Token).ConfigureAwait(false))
                Groups.OnCatalogUpdate(update);
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }
}
