using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Lane = Mosaik.Discovery.Gossip.GossipInbox.Lane;

namespace Mosaik.Discovery.Gossip;

// Dialling: by id alone, some at once, the others in line.
internal sealed partial class GossipDriver
{
    internal const int MaxDials = 16;
    internal const int MaxDialsWaiting = 256;

    private readonly Queue<GossipDial> _dialsWaiting = new();
    private int _dialsRunning;

    /// <summary>Dials under way and in line; exact between turns of the loop.</summary>
    internal int Dials => _dialsRunning + _dialsWaiting.Count;

    private bool TryDial(GossipPeer peer)
    {
        if (_dialsRunning >= MaxDials && _dialsWaiting.Count >= MaxDialsWaiting)
        {
            _context.Metrics.OnDial("failure");
            GossipLog.DialFailed(_context.Logger, peer.Id, "too many wait already");
            return false;
        }

        var dial = new GossipDial(peer.Id);
        peer.Dial = dial;
        if (_dialsRunning < MaxDials)
            StartDial(dial);
        else
            _dialsWaiting.Enqueue(dial);
        return true;
    }

    private void StartDial(GossipDial dial)
    {
        _dialsRunning++;
        _tasks.Start(async () =>
        {
            (ITransportConnection? connection, string? problem) = await ConnectAsync(dial).ConfigureAwait(false);
            if (!await _inbox.PostAsync(Lane.Dials, () => OnDialled(dial, connection, problem)).ConfigureAwait(false))
                connection?.Abort(CloseCode.None, "");
        });
    }

    private async Task<(ITransportConnection? Connection, string? Problem)> ConnectAsync(GossipDial dial)
    {
        try
        {
            return (await _context.ConnectAsync(dial.Peer, dial.Token).ConfigureAwait(false), null);
        }
        catch (OperationCanceledException)
        {
            return (null, "cancelled");
        }
        catch (MosaikException e)
        {
            return (null, e.Message);
        }
        catch (Exception e)
        {
            GossipLog.DialBroke(_context.Logger, e, dial.Peer);
            return (null, e.Message);
        }
    }

    private void OnDialled(GossipDial dial, ITransportConnection? connection, string? problem)
    {
        _dialsRunning--;
        while (_dialsRunning < MaxDials && _dialsWaiting.TryDequeue(out GossipDial? next))
        {
            if (next.IsCancelled)
                next.Dispose();
            else
                StartDial(next);
        }

        dial.Dispose();
        _context.Metrics.OnDial(connection is not null ? "success" : dial.IsCancelled ? "cancelled" : "failure");
        if (!_peers.TryGetValue(dial.Peer, out GossipPeer? peer) || peer.Dial != dial)
        {
            connection?.Abort(CloseCode.None, ""); // nobody waits for it any more
            return;
        }

        peer.Dial = null;
        if (connection is not null)
        {
            OnEstablished(connection, isDialled: true);
            return;
        }

        GossipLog.DialFailed(_context.Logger, dial.Peer, problem!); // there is one, because there is no connection
        peer.IsGivenUp = false;
        if (peer.Sending is not null)
            return;
        Forget(peer); // with its queue, so that the next message dials anew (Q1)
        Run((core, _) => core.OnPeerDisconnected(dial.Peer));
    }

    private static void CancelDial(GossipPeer peer)
    {
        peer.Dial?.Cancel();
        peer.Dial = null;
        peer.Waiting.Clear();
    }
}
