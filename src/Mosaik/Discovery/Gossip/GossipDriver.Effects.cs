using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip;

// From the core to the world.
internal sealed partial class GossipDriver
{
    /// <summary>Payloads with a wrong id that one connection may send (spec/gossip.md §14).</summary>
    private const int MaxBadIds = 16;

    private readonly Queue<PeerId> _disconnected = new();
    private GossipConnection? _current;
    private GossipMessage? _lastEncoded;
    private byte[] _lastFrame = [];

    /// <summary>
    /// Lets the core do something and carries out what it asks for; what was lost on the way is told to it afterwards.
    /// </summary>
    private void Run(Action<GossipCore, TimeSpan> step)
    {
        step(_core, Now);
        Settle();
    }

    /// <summary>Carries out what the core asks for, and tells it what was lost on the way.</summary>
    private void Settle()
    {
        CarryOut();
        while (_disconnected.TryDequeue(out PeerId peer))
        {
            _core.OnPeerDisconnected(peer);
            CarryOut();
        }

        _lastEncoded = null;
    }

    private void OnReceived(GossipConnection connection, TopicId topic, GossipMessage message)
    {
        // Payloads do not hold a connection that lingers: their sender may take us for a neighbour, and the end tells it.
        TimeSpan now = Now;
        if (!message.IsBroadcastLayer || connection.CurrentUse != GossipConnection.Use.Lingering)
            connection.LastActivity = now;
        _current = connection;
        _core.Receive(connection.Peer, topic, message, now);
        Settle();
        _current = null;
    }

    private void OnTimer(GossipEffect.Schedule due)
    {
        _core.OnTimer(due.Topic, due.Timer, Now);
        Settle();
    }

    private void CarryOut()
    {
        foreach (GossipEffect effect in _core.Effects)
        {
            switch (effect)
            {
                case GossipEffect.Send send:
                    Send(send.Peer, send.Topic, send.Message);
                    break;
                case GossipEffect.Emit emit:
                    Emit(emit.Topic, emit.Event);
                    break;
                case GossipEffect.Schedule schedule:
                    _timers.Set(Now + schedule.Delay, schedule);
                    break;
                case GossipEffect.DisconnectPeer disconnect:
                    GiveUp(disconnect.Peer);
                    break;
                case GossipEffect.PeerDataSeen seen:
                    OnPeerData(seen.Peer, seen.Data);
                    break;
                case GossipEffect.Refuse refuse:
                    OnRefused(refuse.Reason);
                    break;
            }
        }

        _core.Effects.Clear();
    }

    private void OnPeerData(PeerId peer, PeerData data)
    {
        if (!PeerDataCodec.TryDecode(data, out IReadOnlyList<TransportAddress>? addresses))
            _context.Metrics.OnDropped("bad-peer-data");
        else if (addresses.Count > 0)
            _context.AddressesSeen(peer, addresses);
    }

    private void OnRefused(GossipFault reason)
    {
        _context.Metrics.OnDropped(reason == GossipFault.BadId ? "bad-id" : "bad-peer-data");
        if (reason == GossipFault.BadId && _current is { } connection && ++connection.BadIds == MaxBadIds)
            connection.Violate("payloads with a wrong id");
    }

    /// <summary>The frame of a message; one that goes to several peers in a row is encoded once.</summary>
    private byte[] Encode(GossipMessage message)
    {
        if (!ReferenceEquals(message, _lastEncoded))
        {
            _lastFrame = GossipCodec.Encode(message);
            _lastEncoded = message;
        }

        return _lastFrame;
    }
}
