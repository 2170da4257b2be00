using Mosaik.Waiting;

namespace Mosaik.Primitives;

/// <summary>
/// The owner's side of conditions: one boolean with a counted history. The owner sets it where the state changes; any
/// number
/// of <see cref="Condition"/>s look at it, each with its own memory of what it has already delivered.
/// </summary>
/// <remarks>
/// A change is a transition; transitions alternate, so a counter is the whole history. The source knows no condition
/// and no
/// wait, hence nothing has to be unregistered. Thread-safe; continuations are posted to the given scheduler.
/// </remarks>
internal sealed class ConditionSource
{
    private readonly Lock _lock = new();
    private readonly TaskScheduler? _scheduler;
    private Completion? _changed;
    private Func<Exception>? _error;
    private long _transitions;
    private bool _met;

    /// <summary>A source in its first state.</summary>
    /// <param name="met">Whether the condition is met at the beginning.</param>
    /// <param name="scheduler">Where the continuations of waits run.</param>
    public ConditionSource(bool met = false, TaskScheduler? scheduler = null)
    {
        _met = met;
        _scheduler = scheduler;
    }

    /// <summary>The current value.</summary>
    public bool IsMet => Volatile.Read(ref _met);

    /// <summary>A condition over this source with fresh memory.</summary>
    public Condition Condition => new(this, inverted: false);

    /// <summary>Sets the value; an equal one is no transition.</summary>
    public void Set(bool met)
    {
        Completion? changed;
        lock (_lock)
        {
            if (_met == met || _error is not null)
                return;
            Volatile.Write(ref _met, met);
            _transitions++;
            (changed, _changed) = (_changed, null);
        }
        changed?.TrySetResult();
    }

    /// <summary>
    /// The thing waited on is gone: every wait without a transition left to deliver fails with
    /// <paramref name="error"/>,
    /// from now on. The value stays as it is; set it before, where the end decides it.
    /// </summary>
    public void Fail(Exception error) => Fail(() => error);

    /// <summary>
    /// The same with an exception of its own for every wait: one object thrown by thousands of waits gathers the stack
    /// of each.
    /// </summary>
    public void Fail(Func<Exception> error)
    {
        Completion? changed;
        lock (_lock)
        {
            if (_error is not null)
                return;
            _error = error;
            (changed, _changed) = (_changed, null);
        }
        changed?.TrySetResult();
    }

    /// <summary>
    /// Everything a wait decides on, from one instant, and a signal for the next change of any of it.
    /// </summary>
    public Snapshot Look()
    {
        lock (_lock)
        {
            if (_error is null)
                _changed ??= new Completion(_scheduler);
            return new Snapshot(_met, _transitions, _error, _changed);
        }
    }

    /// <param name="Met">The value.</param>
    /// <param name="Transitions">How often the value has changed.</param>
    /// <param name="Error">Makes the exception that says why there will be no further change, if so.</param>
    /// <param name="Changed">Completes at the next change; null after the end.</param>
    internal readonly record struct Snapshot(bool Met, long Transitions, Func<Exception>? Error, Completion? Changed)
    {
        /// <summary>
        /// How often the value has become <paramref name="wanted"/>: every second transition, ending with the last or
        /// the one before.
        /// </summary>
        public long TransitionsTo(bool wanted) => Met == wanted ? (Transitions + 1) / 2 : Transitions / 2;
    }
}
