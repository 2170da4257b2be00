using Mosaik.Networking;

namespace Mosaik.Streams;

/// <summary>Streams as a part of a node: registered with its router, drained when it leaves.</summary>
internal sealed class StreamsSubsystem : ISubsystem
{
    private readonly LocalNode _local;
    private readonly StreamContext _context;

    public StreamsSubsystem(LocalNode local, StreamContext context)
    {
        _local = local;
        _context = context;
        Streams = new NetworkStreams(context);
    }

    /// <inheritdoc/>
    public string Name => "streams";

    /// <summary>The public face.</summary>
    public NetworkStreams Streams { get; }

    /// <inheritdoc/>
    public ValueTask StartAsync(CancellationToken cancellationToken)
    {
        _local.Router.Register(WireProtocol.Streams, new StreamsAcceptor(_context, Streams));
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public void OnOnline()
    {
        // Producers are announced by discovery.
    }

    /// <inheritdoc/>
    public ValueTask LeaveAsync(CancellationToken cancellationToken) => Streams.StopAsync();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Streams.StopAsync();
}
