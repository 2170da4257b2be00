using Mosaik.Discovery;
using Mosaik.Groups.Bonds;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// The authenticated connection between this node and another member of a group (spec/groups.md §4). A thread-safe handle;
/// the bond lives and dies without it.
/// </summary>
public sealed class Bond
{
    private readonly BondConnection _connection;

    internal Bond(BondConnection connection) => _connection = connection;

    /// <summary>Equal on both ends, and of no other bond.</summary>
    public UniqueId Id => _connection.Id;

    /// <summary>The other member.</summary>
    public PeerId PeerId => _connection.PeerId;

    /// <summary>Its entry as it is known now.</summary>
    public PeerEntry Peer => _connection.Peer.Entry;

    /// <summary>Whether both ends understand extensions: false for Rust members.</summary>
    public bool IsExtended => _connection.IsExtended;

    /// <summary>The smoothed round-trip time; null if unknown.</summary>
    public TimeSpan? Rtt => _connection.Rtt;

    /// <summary>Whether the bond has ended.</summary>
    public bool IsTerminated => _connection.Ended.IsCompleted;

    /// <summary>Completes with the close code when the bond has ended.</summary>
    public Task<CloseCode> Terminated => _connection.Ended.WaitAsync().AsTask();

    /// <summary>Closes the bond. Both ends make a new one as long as both are members.</summary>
    /// <param name="code">The code.</param>
    /// <returns>A task that completes when the bond has ended.</returns>
    public async ValueTask CloseAsync(CloseCode code)
    {
        _connection.Close(code);
        await _connection.Ended.WaitAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{PeerId:S}";
}
