using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

// Payloads: receiving, keeping, asking for them.
internal sealed partial class PlumTreeCore
{
    private void OnBroadcast(PeerId from, BroadcastMessage message, TimeSpan now)
    {
        if (!message.HasTrueId())
        {
            _effects.Refuse(from, GossipFault.BadId);
            return;
        }

        if (_recent.Contains(message.Id))
        {
            Prune(from);
            return;
        }

        if (message.Scope.IsSwarm)
            OnNew(from, message, now);
        _effects.Emit(new GossipEvent.Received(message.Content, message.Scope, from));
    }

    /// <summary>A payload of the swarm that was not seen yet: passes it on.</summary>
    private void OnNew(PeerId from, BroadcastMessage message, TimeSpan now)
    {
        _graftTimers.Remove(message.Id);
        bool wasAnnounced = _missing.Remove(message.Id, out List<Source>? sources);
        if (message.Scope.Round == ushort.MaxValue)
        {
            _recent.Put(message.Id, now);
            MakeRoom();
            return; // one hop more cannot be written
        }

        ushort round = (ushort)(message.Scope.Round + 1);
        BroadcastMessage next = message with { Scope = GossipScope.SwarmAt(round) };
        Keep(next, now);
        EagerPush(next, except: from);
        LazyPush(next.Id, round, except: from, now);
        if (wasAnnounced)
            Optimize(from, round, sources!); // there, because it was removed
    }

    /// <summary>Replaces the path of a payload if somebody had announced it over a much shorter one.</summary>
    private void Optimize(PeerId from, ushort round, List<Source> sources)
    {
        Source? best = null;
        foreach (Source source in sources)
        {
            if (IsNeighbour(source.Peer) && (best is null || source.Round < best.Value.Round))
                best = source;
        }

        if (best is not { } shortest || shortest.Round >= round || round - shortest.Round < _options.OptimizationThreshold)
            return;
        if (!_eager.Contains(shortest.Peer))
        {
            ToEager(shortest.Peer);
            _effects.Send(shortest.Peer, new GraftMessage(null, shortest.Round));
        }

        Prune(from);
    }

    private void Prune(PeerId peer)
    {
        if (!IsNeighbour(peer))
            return;
        ToLazy(peer);
        _effects.Send(peer, PruneMessage.Instance);
    }

    private void OnIHave(PeerId from, IHaveMessage message, TimeSpan now)
    {
        if (!IsNeighbour(from))
            return;
        foreach (Announced item in message.Items)
        {
            if (_recent.Contains(item.Id))
                continue;
            AddSource(item, from, now);
            if (_graftTimers.Count < MaxMissing && _graftTimers.Add(item.Id))
                _effects.Schedule(_options.GraftTimeout1, new GossipTimer.SendGraft(item.Id));
        }
    }

    private void AddSource(Announced item, PeerId from, TimeSpan now)
    {
        if (!_missing.TryGet(item.Id, out List<Source>? sources))
        {
            if (_missing.Count >= MaxMissing && _missing.TryPeekOldest(out MessageId oldest, out _))
                _missing.Remove(oldest, out _);
            sources = [];
            _missing.Put(item.Id, sources, now);
        }

        if (sources.Count < MaxSources)
            sources.Add(new Source(from, item.Round));
    }

    private void OnGraftTimer(MessageId id)
    {
        _graftTimers.Remove(id);
        if (_recent.Contains(id) || !_missing.TryGet(id, out List<Source>? sources))
            return;
        int at = sources.FindIndex(s => IsNeighbour(s.Peer));
        if (at < 0)
        {
            _missing.Remove(id, out _);
            return;
        }

        Source source = sources[at];
        sources.RemoveRange(0, at + 1);
        if (sources.Count == 0)
            _missing.Remove(id, out _);
        ToEager(source.Peer);
        _effects.Send(source.Peer, new GraftMessage(id, source.Round));
        _effects.Schedule(_options.GraftTimeout2, new GossipTimer.SendGraft(id));
    }

    private void OnGraft(PeerId from, GraftMessage message)
    {
        if (!IsNeighbour(from))
            return;
        ToEager(from);
        if (message.Id is { } id && _recent.TryGet(id, out ReadOnlyMemory<byte> content, out ushort round))
            _effects.Send(from, new BroadcastMessage(id, content, GossipScope.SwarmAt(round)));
    }

    private void Keep(BroadcastMessage message, TimeSpan now)
    {
        _recent.Put(message.Id, message.Content, message.Scope.Round, now);
        MakeRoom();
    }

    private void MakeRoom()
    {
        while (_recent.Count > MaxReceived)
            _recent.RemoveOldest();
        while (_recent.KeptBytes > MaxCachedBytes)
            _recent.DropOldestPayload();
    }

    private void Sweep(TimeSpan now)
    {
        _recent.RemoveOlderThan(_options.MessageCacheRetention, _options.MessageIdRetention, now);
        _missing.RemoveOlderThan(_options.MessageIdRetention, now);
        _effects.Schedule(_options.CacheSweepInterval, new GossipTimer.Sweep());
    }
}
