using System.Runtime.CompilerServices;

namespace Mosaik.Primitives;

/// <summary>
/// Something that is met or not, and can be awaited: <c>await producer.When.Online()</c>. Event-driven; fails rather
/// than
/// waits for ever when the thing it speaks of is gone.
/// </summary>
/// <remarks>
/// <para>The first wait completes at once if the condition is met, otherwise at the next change from not met to met.
/// From
/// then on changes are counted: each later wait <b>on the same object</b> completes as soon as there was at least one
/// such
/// change since the previous completion, also if it happened before the call or has been undone meanwhile. So a loop of
/// waits
/// misses nothing and does not spin while the condition stays met (spec/streams.md §6.3).</para>
/// <para>A cancelled wait consumes nothing. Concurrent waits complete on the same change. A condition made by
/// <see cref="Not"/> or <see cref="Clone"/> starts with fresh memory. Thread-safe; nothing has to be disposed.</para>
/// </remarks>
public sealed class Condition
{
    private readonly ConditionSource _source;
    private readonly bool _wanted;

    // Transitions already delivered by waits on this object; negative before the first wait.
    private long _delivered = -1;

    internal Condition(ConditionSource source, bool inverted)
    {
        _source = source;
        _wanted = !inverted;
    }

    /// <summary>Whether it is met now.</summary>
    public bool IsMet => _source.IsMet == _wanted;

    /// <summary>The opposite condition, with fresh memory.</summary>
    /// <returns>A new condition.</returns>
    public Condition Not() => new(_source, inverted: _wanted);

    /// <summary>The same condition with fresh memory: it completes at once if it is met.</summary>
    /// <returns>A new condition.</returns>
    public Condition Clone() => new(_source, inverted: !_wanted);

    /// <summary>Waits for the condition, see the remarks of the type. Counting starts at the call.</summary>
    /// <param name="cancellationToken">Ends this wait only.</param>
    /// <returns>A task that completes when the condition is (or became) met and faults when it no longer can
    /// be.</returns>
    public ValueTask WaitAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        ConditionSource.Snapshot state = _source.Look();
        long delivered = Volatile.Read(ref _delivered);
        if (delivered < 0)
        {
            long soFar = state.TransitionsTo(_wanted);
            if (Interlocked.CompareExchange(ref _delivered, soFar, -1) < 0 && state.Met == _wanted)
                return ValueTask.CompletedTask;
            delivered = soFar;
        }
        return TryDeliver(state, delivered) ? ValueTask.CompletedTask : WaitForTransitionAsync(state, delivered, cancellationToken);
    }

    /// <summary>Lets the condition be awaited: the same as <see cref="WaitAsync"/> without a token.</summary>
    /// <returns>The awaiter.</returns>
    public ValueTaskAwaiter GetAwaiter() => WaitAsync().GetAwaiter();

    /// <summary>
    /// The current value, then every change, none left out. Faults when the thing it speaks of is gone.
    /// </summary>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <returns>The values.</returns>
    public IAsyncEnumerable<bool> TransitionsAsync(CancellationToken cancellationToken = default) =>
        // Looks at once, so that changes count from the call and not from the first step of the enumeration.
        EnumerateAsync(_source.Look(), cancellationToken);

    private async IAsyncEnumerable<bool> EnumerateAsync(
        ConditionSource.Snapshot state, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        bool value = state.Met == _wanted;
        long seen = state.Transitions;
        yield return value;
        while (true)
        {
            while (seen < state.Transitions)
            {
                seen++;
                value = !value;
                yield return value;
            }
            await NextChangeAsync(state, cancellationToken).ConfigureAwait(false);
            state = _source.Look();
        }
    }

    private async ValueTask WaitForTransitionAsync(
        ConditionSource.Snapshot state, long delivered, CancellationToken cancellationToken)
    {
        do
        {
            await NextChangeAsync(state, cancellationToken).ConfigureAwait(false);
            state = _source.Look();
        }
        while (!TryDeliver(state, delivered));
    }

    private static ValueTask NextChangeAsync(in ConditionSource.Snapshot state, CancellationToken cancellationToken) =>
        state.Error is { } error
            ? ValueTask.FromException(error())
            : state.Changed!.WaitAsync(cancellationToken); // set as long as there is no error

    private bool TryDeliver(in ConditionSource.Snapshot state, long delivered)
    {
        long available = state.TransitionsTo(_wanted);
        if (available <= delivered)
            return false;
        // Concurrent waits deliver the same transitions; the memory only moves forward.
        long known = Volatile.Read(ref _delivered);
        while (known < available)
        {
            long found = Interlocked.CompareExchange(ref _delivered, available, known);
            if (found == known)
                break;
            known = found;
        }
        return true;
    }
}
