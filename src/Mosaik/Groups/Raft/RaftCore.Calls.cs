using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

// Commands and queries: of this node, and forwarded ones (spec/groups.md §7).
internal sealed partial class RaftCore
{
    /// <summary>
    /// Submits commands that stay together and in order. Ends with exactly one <see cref="CommandCompletion"/>, at once or
    /// later.
    /// </summary>
    /// <param name="token">Names the call in its completion.</param>
    /// <param name="commands">The encoded commands, without kind bytes; at least one. Kept, not copied, in Available.</param>
    /// <param name="mode">What to wait for.</param>
    /// <param name="now">The time.</param>
    /// <param name="effects">What to do.</param>
    public void Submit(
        ulong token, ReadOnlySpan<ReadOnlyMemory<byte>> commands, SubmitMode mode, TimeSpan now, RaftEffects effects)
    {
        if (commands.IsEmpty)
            throw new ArgumentException("There is no command.", nameof(commands));
        Enter(now, effects);
        if (!_authorized)
            Complete(token, CommandOutcome.NotSubmitted, CommandFailure.Unauthorized);
        else if (Role == RaftRole.Candidate)
            Complete(token, CommandOutcome.NotSubmitted, CommandFailure.Candidate);
        else if (State != RaftState.Running || _leader is not { } leader)
            Complete(token, CommandOutcome.NotSubmitted, CommandFailure.NoLeader);
        else if (Role == RaftRole.Leader)
            Enqueue(token, null, null, commands, mode);
        else if (!_bonds.Contains(leader))
            Complete(token, CommandOutcome.NotSubmitted, CommandFailure.NoLeader);
        else
            Send(leader, RaftFrames.ForwardCommand(
                commands, _pending.AddForward(token, commands.Length, mode, _now + _settings.ForwardTimeout)));
    }

    /// <summary>
    /// Asks a query. Ends with exactly one <see cref="QueryCompletion"/>, at once or later.
    /// </summary>
    /// <param name="token">Names the query in its completion.</param>
    /// <param name="query">The encoded query.</param>
    /// <param name="isStrong">Whether the leader answers; otherwise the local state does.</param>
    /// <param name="now">The time.</param>
    /// <param name="effects">What to do.</param>
    public void Query(ulong token, ReadOnlyMemory<byte> query, bool isStrong, TimeSpan now, RaftEffects effects)
    {
        Enter(now, effects);
        if (State == RaftState.Diverged)
            _effects.Queries.Add(new QueryCompletion(token, QueryOutcome.Diverged, default, _committed.Index, null));
        else if (!isStrong || (Role == RaftRole.Leader && !_settings.IsMajority))
            AnswerLocally(token, query);
        else if (Role == RaftRole.Leader)
            AddRead(new Read(token, null, 0, query, _now + _settings.QueryTimeout));
        else if (Role == RaftRole.Follower && _leader is { } leader && _bonds.Contains(leader) && State == RaftState.Running)
            Send(leader, RaftFrames.ForwardQuery(query.Span, _pending.AddQuery(token, _now + _settings.QueryTimeout)));
        else
            _effects.Queries.Add(new QueryCompletion(token, QueryOutcome.Offline, default, default, null));
    }

    private void AnswerLocally(ulong token, ReadOnlyMemory<byte> query)
    {
        bool isAnswered = _machine.TryQuery(query, out ReadOnlyMemory<byte> result, out Exception? error);
        _effects.Queries.Add(new QueryCompletion(
            token, isAnswered ? QueryOutcome.Answered : QueryOutcome.Failed, result, _committed.Index, error));
    }

    private void AnswerForwarded(PeerId peer, ulong requestId, ReadOnlyMemory<byte> query)
    {
        // A query the machine refuses is not answered; its caller gives up in time (spec/groups.md §10).
        if (_machine.TryQuery(query, out ReadOnlyMemory<byte> result, out _)
            && result.Length <= RaftWire.MaxPayload - RaftWire.Overhead)
            Send(peer, RaftFrames.ForwardQueryResponse(requestId, result.Span, _committed.Index));
    }

    private void Enqueue(
        ulong token, PeerId? from, ulong? requestId, ReadOnlySpan<ReadOnlyMemory<byte>> commands, SubmitMode mode)
    {
        long bytes = 0;
        foreach (ReadOnlyMemory<byte> command in commands)
        {
            bytes += command.Length;
            _queuedCommands.Add(_settings.IsMajority ? RosterEntry.Command(command.Span) : command);
        }

        _queuedCalls.Add(new QueuedCall(token, from, requestId, commands.Length, bytes, mode));
    }

    private bool OnForward(BondView bond, ForwardMessage message)
    {
        // Only the current leader answers calls, and only it is believed (spec/groups.md §7.3).
        bool fromLeader = Role == RaftRole.Follower && _leader == bond.Peer;
        switch (message)
        {
            case ForwardMessage.Command command when Role == RaftRole.Leader:
                return OnForwardedCommand(bond, command);
            case ForwardMessage.CommandAck ack when fromLeader:
                if (!_pending.TryAcknowledge(ack.RequestId, ack.Assigned, _term, _effects))
                    return false;
                _pending.Commit(_log, _committed.Index, _effects);
                return true;
            case ForwardMessage.Query query when Role == RaftRole.Leader && _settings.IsMajority:
                AddRead(new Read(0, bond.Peer, query.RequestId, query.Bytes, _now + _settings.QueryTimeout));
                return true;
            case ForwardMessage.Query query when Role == RaftRole.Leader:
                AnswerForwarded(bond.Peer, query.RequestId, query.Bytes);
                return true;
            case ForwardMessage.QueryResponse response when fromLeader:
                _pending.Answer(response.RequestId, response.Result, response.Position, _effects);
                return true;
            default:
                return true;
        }
    }

    private bool OnForwardedCommand(BondView bond, ForwardMessage.Command message)
    {
        foreach (ReadOnlyMemory<byte> command in message.Commands)
        {
            if (!_machine.IsWellFormed(command.Span))
                return false;
        }

        Enqueue(0, bond.Peer, message.RequestId, CollectionsMarshal.AsSpan(message.Commands), SubmitMode.Feed);
        return true;
    }
}
