using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

// Strong reads of Majority: answered once a quorum has answered a round that began after the read arrived, and the state
// contains what was committed then (ReadIndex; spec/groups-safety.md §7.13; Ongaro 2014, §6.4).
internal sealed partial class RaftCore
{
    private const int MaxReadsPerPeer = 4096;
    private const int MaxReads = 65_536;

    // In the order of arrival; those that have a round come first.
    private readonly List<Read> _reads = [];

    private TimeSpan ReadDeadline => _reads.Count > 0 ? _reads[0].Deadline : TimeSpan.MaxValue;

    private void AddRead(Read read)
    {
        bool isOver = _reads.Count >= MaxReads
            || (read.From is not null && _reads.Count >= MaxReadsPerPeer && _reads.Count(r => r.From == read.From) >= MaxReadsPerPeer);
        if (isOver)
            Fail(read);
        else
            _reads.Add(read);
    }

    /// <summary>Gives the reads that arrived a round of their own: the next broadcast.</summary>
    private void BeginReads()
    {
        if (_committed.Term != _term)
            return;
        for (int i = _reads.Count - 1; i >= 0 && _reads[i].Round == 0; i--)
        {
            _reads[i] = _reads[i] with { Round = _round + 1 };
            _heartbeatWanted = true;
        }
    }

    private void AnswerReads()
    {
        if (_reads.Count == 0 || _reads[0].Round == 0)
            return;
        ulong confirmed = ConfirmedRound();
        int done = 0;

        // What is committed is applied at once here, so the state is at least as new as when the round began.
        while (done < _reads.Count && _reads[done].Round != 0 && _reads[done].Round <= confirmed)
        {
            Read read = _reads[done++];
            if (read.From is not { } peer)
                AnswerLocally(read.Token, read.Query);
            else if (_bonds.Contains(peer))
                AnswerForwarded(peer, read.RequestId, read.Query);
        }

        _reads.RemoveRange(0, done);
    }

    private void ExpireReads()
    {
        int due = 0;
        while (due < _reads.Count && _reads[due].Deadline <= _now)
            Fail(_reads[due++]);
        _reads.RemoveRange(0, due);
    }

    private void FailReads()
    {
        foreach (Read read in _reads)
            Fail(read);
        _reads.Clear();
    }

    private void DropReadsOf(PeerId peer) => _reads.RemoveAll(r => r.From == peer);

    private void Fail(Read read)
    {
        // A forwarded one is not answered: its caller gives up in time.
        if (read.From is null)
            _effects.Queries.Add(new QueryCompletion(read.Token, QueryOutcome.Offline, default, default, null));
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Read(
        ulong Token, PeerId? From, ulong RequestId, ReadOnlyMemory<byte> Query, TimeSpan Deadline, ulong Round = 0);
}
