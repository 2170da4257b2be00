using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip;

/// <summary>A dial: waiting for its turn, under way, or cancelled.</summary>
internal sealed class GossipDial(PeerId peer) : IDisposable
{
    private readonly CancellationTokenSource _cancellation = new();

    public PeerId Peer { get; } = peer;

    public bool IsCancelled => _cancellation.IsCancellationRequested;

    public CancellationToken Token => _cancellation.Token;

    public void Cancel() => _cancellation.Cancel();

    public void Dispose() => _cancellation.Dispose();
}
