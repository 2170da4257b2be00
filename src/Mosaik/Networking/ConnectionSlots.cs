using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Networking;

/// <summary>Counts the inbound connections of one protocol against its limits (spec/reliability.md E19).</summary>
internal sealed class ConnectionSlots(WireProtocol protocol, TaskScheduler scheduler)
{
    /// <summary>Connections of one peer that may wait for a place; further ones are refused.</summary>
    internal const int WaitingPerPeer = 8;

    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, List<ITransportConnection>> _held = [];
    private readonly LinkedList<Waiting> _waiting = [];
    private int _total;

    /// <summary>Connections that hold a place.</summary>
    public int Held
    {
        get
        {
            lock (_lock)
                return _total;
        }
    }

    /// <summary>
    /// Takes a place for a connection, as the protocol says: waits, refuses, or ends the peer's oldest one.
    /// </summary>
    /// <returns>False if it is refused.</returns>
    public async ValueTask<bool> EnterAsync(ITransportConnection connection, CancellationToken cancellationToken)
    {
        Waiting waiting;
        LinkedListNode<Waiting> node;
        ITransportConnection? replaced = null;
        lock (_lock)
        {
            if (HasRoom(connection.RemoteId))
            {
                Hold(connection);
                return true;
            }

            if (protocol.WhenFull == WireProtocol.Overflow.Refuse)
                return false;
            if (protocol.WhenFull == WireProtocol.Overflow.ReplaceOldest)
            {
                // The place is free when the old one has ended; both are counted until then.
                replaced = _held[connection.RemoteId][0];
                Hold(connection);
            }
            else if (_waiting.Count(w => w.Connection.RemoteId == connection.RemoteId) >= WaitingPerPeer)
            {
                return false;
            }
        }

        if (replaced is not null)
        {
            replaced.Abort(protocol.RefusalCode, protocol.RefusalCode.Name);
            return true;
        }

        waiting = new Waiting(connection, new Completion(scheduler));
        lock (_lock)
        {
            node = _waiting.AddLast(waiting);
            Admit(); // a place may have become free between the two locks
        }

        try
        {
            await waiting.Admitted.WaitAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            lock (_lock)
            {
                if (node.List is not null)
                    _waiting.Remove(node);
                else
                    Release(connection);
            }

            throw;
        }
    }

    /// <summary>Gives the place back.</summary>
    public void Leave(ITransportConnection connection)
    {
        lock (_lock)
            Release(connection);
    }

    private bool HasRoom(PeerId peer) =>
        _total < protocol.ConnectionsInTotal
        && (!_held.TryGetValue(peer, out var held) || held.Count < protocol.ConnectionsPerPeer);

    private void Hold(ITransportConnection connection)
    {
        if (!_held.TryGetValue(connection.RemoteId, out var held))
            _held[connection.RemoteId] = held = [];
        held.Add(connection);
        _total++;
    }

    private void Release(ITransportConnection connection)
    {
        if (!_held.TryGetValue(connection.RemoteId, out var held) || !held.Remove(connection))
            return;
        if (held.Count == 0)
            _held.Remove(connection.RemoteId);
        _total--;
        Admit();
    }

    /// <summary>Lets those in that have room, in order; one whose peer is full does not hold up the others.</summary>
    private void Admit()
    {
        for (var node = _waiting.First; node is not null && _total < protocol.ConnectionsInTotal;)
        {
            var (waiting, next) = (node.Value, node.Next);
            if (HasRoom(waiting.Connection.RemoteId))
            {
                _waiting.Remove(node);
                Hold(waiting.Connection);
                waiting.Admitted.TrySetResult();
            }

            node = next;
        }
    }

    private sealed record Waiting(ITransportConnection Connection, Completion Admitted);
}
