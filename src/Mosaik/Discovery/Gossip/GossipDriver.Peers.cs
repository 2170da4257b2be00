using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Use = Mosaik.Discovery.Gossip.GossipConnection.Use;

namespace Mosaik.Discovery.Gossip;

// The table of peers (spec/gossip.md §9.3).
internal sealed partial class GossipDriver
{
    /// <summary>Connections with one peer.</summary>
    internal const int MaxConnectionsPerPeer = 4;

    private const string Unneeded = "close from disconnect";

    private static readonly TimeSpan LingeringLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan UnusedLimit = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan FullQueueLimit = TimeSpan.FromSeconds(5);

    private readonly Dictionary<PeerId, GossipPeer> _peers = [];
    private int _connections;

    private void Send(PeerId id, TopicId topic, GossipMessage message)
    {
        byte[] frame = Encode(message);
        int length = frame.Length - GossipCodec.PrefixLength;
        if (!GossipCodec.MaySend(length, _context.Options.MaxMessageSize))
        {
            _context.Metrics.OnDropped("oversized");
            if (_limiter.TryPass("gossip oversized", out int suppressed))
                GossipLog.Oversized(_context.Logger, id, length, suppressed);
            return;
        }

        var outgoing = new Outgoing(topic, message.Kind, frame);
        if (!_peers.TryGetValue(id, out GossipPeer? peer))
        {
            if (_leaving)
                return;
            _peers[id] = peer = new GossipPeer(id);
        }

        peer.IsGivenUp = false;
        Revive(peer);
        if (peer.Sending is { } connection)
            Enqueue(connection, outgoing);
        else
            WaitForConnection(peer, outgoing);
    }

    /// <summary>Without a connection to send over, the newest other one becomes it.</summary>
    private void Revive(GossipPeer peer)
    {
        if (peer.Sending is not null || peer.Others.FindLast(static c => c.Transport.CloseInfo is null) is not { } newest)
            return;
        peer.Others.Remove(newest);
        SendOver(peer, newest);
    }

    private void WaitForConnection(GossipPeer peer, Outgoing message)
    {
        if (_leaving)
            return; // goodbyes go to those who are connected
        if (peer.Dial is null && !TryDial(peer))
        {
            RemoveIfEmpty(peer);
            _disconnected.Enqueue(peer.Id);
            return;
        }

        peer.Waiting.Enqueue(message);
        if (peer.Waiting.Count < _context.Options.SendQueueCapacity)
            return;
        CancelDial(peer);
        Forget(peer);
        _disconnected.Enqueue(peer.Id);
    }

    private void Enqueue(GossipConnection connection, Outgoing message)
    {
        _context.Metrics.OnSent(message.Kind);
        connection.LastActivity = Now;
        if (!connection.Queue.Enqueue(message))
            _context.Metrics.OnDropped("queue-full");
        if (connection.Queue.IsFull && !connection.IsQueueWatched)
        {
            connection.IsQueueWatched = true;
            WatchQueue(connection);
        }
    }

    /// <summary>A queue that stays full for 5 s ends its connection (Q4).</summary>
    private void WatchQueue(GossipConnection connection)
    {
        long taken = connection.Queue.Taken;
        _timers.Set(Now + FullQueueLimit, () =>
        {
            if (!connection.Queue.IsFull)
            {
                connection.IsQueueWatched = false;
            }
            else if (connection.Queue.Taken != taken)
            {
                WatchQueue(connection);
            }
            else
            {
                if (_limiter.TryPass("gossip queue full", out int suppressed))
                    GossipLog.QueueFull(_context.Logger, connection.Peer, FullQueueLimit, suppressed);
                connection.Transport.Abort(CloseCode.None, Unneeded);
            }
        });
    }

    /// <summary>A connection exists, whoever has dialled: messages go over the newest one.</summary>
    private void OnEstablished(ITransportConnection transport, bool isDialled)
    {
        if (_leaving)
        {
            transport.Abort(CloseCode.None, "");
            return;
        }

        if (!_peers.TryGetValue(transport.RemoteId, out GossipPeer? peer))
            _peers[transport.RemoteId] = peer = new GossipPeer(transport.RemoteId);
        var connection = new GossipConnection(transport, _context, _inbox, _limiter);
        _context.Metrics.SetConnections(++_connections);
        _tasks.Start(connection.RunAsync);
        SendOver(peer, connection);
        while (peer.Waiting.TryDequeue(out Outgoing? waiting))
            Enqueue(connection, waiting);
        if (peer.IsGivenUp && (isDialled || peer.Dial is not null))
            LetLinger(peer);
        if (peer.Dial is null)
            peer.IsGivenUp = false;
        if (peer.Others.Count + (peer.Sending is null ? 0 : 1) > MaxConnectionsPerPeer)
            peer.Others[0].Transport.Abort(CloseCode.None, Unneeded);
    }

    private void OnEnded(GossipConnection connection)
    {
        _context.Metrics.SetConnections(--_connections);
        connection.WatchAt = null;
        if (!_peers.TryGetValue(connection.Peer, out GossipPeer? peer))
            return;
        if (peer.Sending == connection)
        {
            peer.Sending = null;
            foreach (GossipConnection other in peer.Others)
                SetUse(other, Use.Lingering);
            RemoveIfEmpty(peer);
            Run((core, _) => core.OnPeerDisconnected(connection.Peer));
        }
        else if (peer.Others.Remove(connection) && RemoveIfEmpty(peer))
        {
            Run((core, _) => core.OnConnectionsEnded(connection.Peer));
        }
    }

    /// <summary>No topic needs the peer any longer: once everything is sent, its connections linger (Q3).</summary>
    private void GiveUp(PeerId id)
    {
        if (!_peers.TryGetValue(id, out GossipPeer? peer))
            return;
        peer.IsGivenUp = peer.Dial is not null;
        LetLinger(peer);
    }

    private void LetLinger(GossipPeer peer)
    {
        if (peer.Sending is not { } connection)
            return;
        peer.Sending = null;
        peer.Others.Add(connection);
        connection.Queue.Finish();
        foreach (GossipConnection other in peer.Others)
            SetUse(other, Use.Lingering);
    }

    /// <summary>Makes a connection the one that messages take; the former one is read on.</summary>
    private void SendOver(GossipPeer peer, GossipConnection connection)
    {
        if (peer.Sending is { } former)
        {
            former.Queue.Finish();
            peer.Others.Add(former);
            SetUse(former, Use.Superseded);
        }

        foreach (GossipConnection other in peer.Others)
        {
            if (other.CurrentUse == Use.Lingering)
                SetUse(other, Use.Superseded);
        }

        peer.Sending = connection;
        SetUse(connection, Use.Sending);
    }

    private void SetUse(GossipConnection connection, Use use)
    {
        connection.CurrentUse = use;
        connection.LastActivity = Now;
        Watch(connection, Now + LimitOf(use));
    }

    private static TimeSpan LimitOf(Use use) => use == Use.Lingering ? LingeringLimit : UnusedLimit;

    /// <summary>Looks at a connection at a time, unless it is looked at sooner.</summary>
    private void Watch(GossipConnection connection, TimeSpan at)
    {
        if (connection.WatchAt <= at || connection.Transport.CloseInfo is not null)
            return;
        connection.WatchAt = at;
        _timers.Set(at, () =>
        {
            if (connection.WatchAt != at)
                return;
            connection.WatchAt = null;
            Check(connection);
        });
    }

    private void Check(GossipConnection connection)
    {
        if (connection.Transport.CloseInfo is not null || !_peers.TryGetValue(connection.Peer, out GossipPeer? peer))
            return;
        TimeSpan limit = LimitOf(connection.CurrentUse);
        bool isIdle = Now - connection.LastActivity >= limit;
        if (!isIdle || (connection.CurrentUse == Use.Superseded && connection.OpenInbound > 0))
        {
            Watch(connection, isIdle ? Now + limit : connection.LastActivity + limit);
            return;
        }

        if (connection.CurrentUse != Use.Sending)
        {
            connection.Transport.Abort(CloseCode.None, Unneeded);
        }
        else if (_core.IsNeighbour(connection.Peer))
        {
            Watch(connection, Now + limit);
        }
        else
        {
            // Somebody who connected and did not want anything, or never answered.
            LetLinger(peer);
            Run((core, _) => core.OnPeerDisconnected(connection.Peer));
        }
    }

    private bool RemoveIfEmpty(GossipPeer peer) => peer.IsEmpty && _peers.Remove(peer.Id);

    /// <summary>Drops a peer that has nothing but messages that wait.</summary>
    private void Forget(GossipPeer peer)
    {
        peer.Waiting.Clear();
        RemoveIfEmpty(peer);
    }
}
