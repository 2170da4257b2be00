using Mosaik.Networking;
using Mosaik.Waiting;

namespace Mosaik.Discovery;

/// <summary>
/// Something for the loop to do. Everything that touches the core comes through the loop's mailbox as one of these.
/// </summary>
internal abstract class DiscoveryInput
{
    /// <summary>Wakes the loop, which then looks at its timers.</summary>
    public static DiscoveryInput Wake { get; } = new Act(static _ => { });

    /// <summary>Runs on the loop.</summary>
    public abstract void Apply(DiscoveryTime now);

    /// <summary>The loop has ended before it came to this.</summary>
    public virtual void Refuse()
    {
    }

    /// <summary>An input nobody waits for.</summary>
    internal sealed class Act(Action<DiscoveryTime> body) : DiscoveryInput
    {
        public override void Apply(DiscoveryTime now) => body(now);
    }

    /// <summary>An input whose result somebody waits for.</summary>
    internal sealed class Ask<T>(Func<DiscoveryTime, T> body, TaskScheduler scheduler) : DiscoveryInput
    {
        private T? _result;

        public Completion<T> Completion { get; } = new(scheduler);

        public override void Apply(DiscoveryTime now) => _result = body(now);

        /// <summary>Hands out the result, after the effects of the input have been carried out.</summary>
        public override void Complete() => Completion.TrySetResult(_result!); // set by Apply

        public override void Refuse() => Completion.TrySetException(new NetworkClosedException());
    }

    /// <summary>The effects of the input have been carried out.</summary>
    public virtual void Complete()
    {
    }
}
