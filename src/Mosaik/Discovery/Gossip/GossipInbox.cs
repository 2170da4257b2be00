using System.Diagnostics.CodeAnalysis;
using Mosaik.Waiting;

namespace Mosaik.Discovery.Gossip;

/// <summary>What waits for the loop: four bounded queues of different urgency, and one signal for all.</summary>
internal sealed class GossipInbox
{
    private const int AcceptedCapacity = 256;
    private const int DialsCapacity = 64;

    private readonly Mailbox<Action>[] _lanes;
    private readonly Mailbox<Inbound> _inbound;
    private readonly Signal _signal;

    public GossipInbox(GossipOptions options, TaskScheduler scheduler)
    {
        _signal = new Signal(scheduler);
        _lanes =
        [
            new Mailbox<Action>(AcceptedCapacity, scheduler),
            new Mailbox<Action>(options.CommandQueueCapacity, scheduler),
            new Mailbox<Action>(DialsCapacity, scheduler),
        ];
        _inbound = new Mailbox<Inbound>(options.InboundQueueCapacity, scheduler);
    }

    /// <summary>In the order in which they are looked at, before what connections have received.</summary>
    public enum Lane
    {
        /// <summary>Accepted connections, shutdown.</summary>
        Accepted,

        /// <summary>Calls of handles.</summary>
        Commands,

        /// <summary>Results of dials.</summary>
        Dials,
    }

    /// <summary>Posts, waiting in line while the queue is full; false when the loop has ended.</summary>
    public ValueTask<bool> PostAsync(Lane lane, Action action, CancellationToken cancellationToken = default) =>
        PostAsync(_lanes[(int)lane], action, cancellationToken);

    /// <inheritdoc cref="PostAsync(Lane, Action, CancellationToken)"/>
    public ValueTask<bool> PostAsync(in Inbound inbound) => PostAsync(_inbound, inbound, CancellationToken.None);

    public bool TryTake(Lane lane, [MaybeNullWhen(false)] out Action action) => _lanes[(int)lane].TryRead(out action);

    public bool TryTake(out Inbound inbound) => _inbound.TryRead(out inbound);

    /// <summary>Makes the loop look around.</summary>
    public void Wake() => _signal.Set();

    /// <summary>Waits until something was posted or <see cref="Wake"/> called.</summary>
    public ValueTask<bool> WaitAsync() => _signal.WaitAsync();

    /// <summary>Takes nothing any more.</summary>
    public void Complete()
    {
        foreach (Mailbox<Action> lane in _lanes)
            lane.Complete();
        _inbound.Complete();
        _signal.Set();
    }

    private ValueTask<bool> PostAsync<T>(Mailbox<T> queue, T item, CancellationToken cancellationToken)
    {
        ValueTask<bool> posted = queue.PostAsync(item, cancellationToken);
        if (!posted.IsCompletedSuccessfully)
            return WakeAfterAsync(posted);
        _signal.Set();
        return posted;
    }

    private async ValueTask<bool> WakeAfterAsync(ValueTask<bool> posting)
    {
        bool posted = await posting.ConfigureAwait(false);
        _signal.Set();
        return posted;
    }
}
