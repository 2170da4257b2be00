using Mosaik.Networking;
using Mosaik.Waiting;
using Lane = Mosaik.Discovery.Gossip.GossipInbox.Lane;

namespace Mosaik.Discovery.Gossip;

// Saying goodbye (spec/gossip.md §9.3, shutdown).
internal sealed partial class GossipDriver
{
    private const int RoundTripsOfSilence = 8;

    /// <summary>How long leaving may take.</summary>
    private static readonly TimeSpan LeaveLimit = TimeSpan.FromSeconds(5);

    /// <summary>Peers that acknowledge nothing for so long, and several round trips, are taken for dead by who leaves.</summary>
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromMilliseconds(500);

    private bool _leaving;

    /// <inheritdoc/>
    public async ValueTask LeaveAsync(CancellationToken cancellationToken)
    {
        var acknowledged = new Completion(_context.Scheduler);
        using var deadline = new Deadline(
            _context.TimeProvider, LeaveLimit, "Leaving gossip", null, null, cancellationToken);
        try
        {
            if (!await _inbox.PostAsync(Lane.Accepted, () => BeginLeaving(acknowledged), deadline.Token).ConfigureAwait(false))
                return;
            await acknowledged.WaitAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Out of time: what has not arrived by now is lost with the connections.
        }

        await _inbox.PostAsync(Lane.Accepted, CloseAll, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Says goodbye in all topics, and waits beside the loop until everybody has heard it.</summary>
    private void BeginLeaving(Completion acknowledged)
    {
        _leaving = true;
        foreach (TopicState topic in _topics.Values.ToArray())
            EndTopic(topic);
        List<(GossipConnection Connection, Completion Mark)> waiting = [];
        foreach (GossipPeer peer in _peers.Values.ToArray())
        {
            CancelDial(peer);
            foreach (GossipConnection connection in peer.Connections)
            {
                var mark = new Completion(_context.Scheduler);
                waiting.Add((connection, mark));
                connection.Queue.Finish(mark);
            }

            if (peer.IsEmpty)
                _peers.Remove(peer.Id);
        }

        _tasks.Start(() => WaitForAcknowledgementsAsync(waiting, acknowledged));
    }

    /// <summary>
    /// Waits until every connection has acknowledged all, or those that have not stand still: the transport takes up to
    /// 30 s to notice that a peer has died, and leaving does not wait for that.
    /// </summary>
    private async Task WaitForAcknowledgementsAsync(
        List<(GossipConnection Connection, Completion Mark)> waiting, Completion acknowledged)
    {
        var progress = new Signal(_context.Scheduler, _context.TimeProvider);
        foreach ((_, Completion mark) in waiting)
        {
            _tasks.Start(async () =>
            {
                await mark.WaitAsync().ConfigureAwait(false);
                progress.Set();
            });
        }

        while (true)
        {
            waiting.RemoveAll(static w => w.Mark.IsCompleted);
            if (waiting.Count == 0)
                break;
            long taken = waiting.Sum(static w => w.Connection.Queue.Taken);
            if (await progress.WaitAsync(PatienceWith(waiting)).ConfigureAwait(false)
                || waiting.Sum(static w => w.Connection.Queue.Taken) != taken)
            {
                continue;
            }

            GossipLog.NotAcknowledged(_context.Logger, waiting.Count);
            break;
        }

        acknowledged.TrySetResult();
    }

    private static TimeSpan PatienceWith(List<(GossipConnection Connection, Completion Mark)> waiting)
    {
        TimeSpan roundTrips = waiting.Max(static w => w.Connection.Transport.Rtt ?? TimeSpan.Zero) * RoundTripsOfSilence;
        return roundTrips > SilenceLimit ? roundTrips : SilenceLimit;
    }

    private void CloseAll()
    {
        foreach (GossipConnection connection in _peers.Values.SelectMany(static p => p.Connections))
            connection.Transport.Abort(CloseCode.None, "");
    }
}
