using System.Diagnostics.CodeAnalysis;
using Mosaik.Waiting;

namespace Mosaik.Discovery.Gossip;

/// <summary>What waits for the loop: four bounded queues of different urgency, and one signal for all.</summary>
internal sealed class GossipInbox
{
    private const int AcceptedCapacity = 256;
    private const int DialsCapacity = 64;

    private readonly Mailbox<Action>[] _lanes;
    private readonly Signal _signal;

    public GossipInbox(GossipOptions options, TaskScheduler scheduler, TimeProvider timeProvider)
    {
        _signal = new Signal(scheduler, timeProvider);
        _lanes =
        [
            new Mailbox<Action>(AcceptedCapacity, scheduler),
            new Mailbox<Action>(options.CommandQueueCapacity, scheduler),
            new Mailbox<Action>(DialsCapacity, scheduler),
            new Mailbox<Action>(options.InboundQueueCapacity, scheduler),
        ];
    }

    /// <summary>In the order in which they are looked at.</summary>
    public enum Lane
    {
        /// <summary>Accepted connections, shutdown.</summary>
        Accepted,

        /// <summary>Calls of handles.</summary>
        Commands,

        /// <summary>Results of dials.</summary>
        Dials,

        /// <summary>Received messages; the end of a connection comes behind its messages.</summary>
        Inbound,
    }

    /// <summary>Posts, waiting in line while the queue is full; false when the loop has ended.</summary>
    public async ValueTask<bool> PostAsync(Lane lane, Action action, CancellationToken cancellationToken = default)
    {
        bool posted = await _lanes[(int)lane].PostAsync(action, cancellationToken).ConfigureAwait(false);
        _signal.Set();
        return posted;
    }

    public bool TryTake(Lane lane, [MaybeNullWhen(false)] out Action action) => _lanes[(int)lane].TryRead(out action);

    /// <summary>Makes the loop look around.</summary>
    public void Wake() => _signal.Set();

    /// <summary>Waits until something was posted, or for so long.</summary>
    public async ValueTask WaitAsync(TimeSpan timeout) => await _signal.WaitAsync(timeout).ConfigureAwait(false);

    /// <summary>Takes nothing any more.</summary>
    public void Complete()
    {
        foreach (Mailbox<Action> lane in _lanes)
            lane.Complete();
        _signal.Set();
    }
}
