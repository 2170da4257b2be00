using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// A condition on the channels of a producer or consumer: await it, or ask <see cref="IsMet"/>.
/// </summary>
/// <remarks>
/// <para>Immutable description plus a private memory of waits. Met means: at least the wanted number of channels are
/// connected whose peer has all the tags and passes all the predicates; <see cref="Not"/> inverts that.</para>
/// <para>The first wait completes at once if the condition is met, else at the next change from not met to met. Each
/// later wait on the same object completes once per further such change, also if it happened before the call. Methods
/// that describe return a new condition with a fresh memory. When the stream is closed a wait that has no change left
/// to deliver fails with <see cref="ChannelClosedException"/>. Nothing polls. Source: spec/streams.md §6.</para>
/// <para>Thread-safe.</para>
/// </remarks>
public sealed class ChannelCondition
{
    private readonly ChannelSet _set;
    private readonly int _minimum;
    private readonly bool _inverted;
    private readonly ImmutableArray<Func<PeerEntry, bool>> _predicates;

    // Made at the first wait, under the set's lock: from then on the set reports every change.
    private ConditionSource? _source;
    private Condition? _waits;
    private int _waiting;

    internal ChannelCondition(ChannelSet set)
        : this(set, 1, false, [])
    {
    }

    private ChannelCondition(
        ChannelSet set, int minimum, bool inverted, ImmutableArray<Func<PeerEntry, bool>> predicates)
    {
        _set = set;
        _minimum = minimum;
        _inverted = inverted;
        _predicates = predicates;
    }

    /// <summary>
    /// Whether the condition is met now; false while a predicate fails for a connected channel. Does not count as a
    /// wait.
    /// </summary>
    public bool IsMet => _set.Locked(Evaluate);

    /// <summary>What the set keeps up to date from the first wait on; null before.</summary>
    internal ChannelTally? Tally { get; private set; }

    /// <summary>Wants at least this many matching channels; replaces an earlier minimum. 0 is always met.</summary>
    /// <param name="count">The number; not negative.</param>
    public ChannelCondition AtLeast(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return new ChannelCondition(_set, count, _inverted, _predicates);
    }

    /// <summary>Counts only channels whose peer has all these tags, besides what was asked before.</summary>
    /// <param name="tags">The tags.</param>
    public ChannelCondition WithTags(params Tag[] tags)
    {
        ArgumentNullException.ThrowIfNull(tags);
        var wanted = tags.ToArray();
        return WithPredicate(peer => wanted.All(peer.Tags.Contains));
    }

    /// <summary>Counts only channels whose peer passes the predicate, besides what was asked before.</summary>
    /// <param name="predicate">A fast function of the peer's entry as it was at subscription time; it must not
    /// block.</param>
    public ChannelCondition WithPredicate(Func<PeerEntry, bool> predicate)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        return new ChannelCondition(_set, _minimum, _inverted, _predicates.Add(predicate));
    }

    /// <summary>
    /// The opposite: met while fewer channels match. Inverting twice changes nothing (spec/streams.md §6.2).
    /// </summary>
    public ChannelCondition Not() => new(_set, _minimum, inverted: true, _predicates);

    /// <summary>The same description with a fresh memory of waits.</summary>
    public ChannelCondition Clone() => new(_set, _minimum, _inverted, _predicates);

    /// <summary>Waits until the condition becomes met, as the remarks of the type say.</summary>
    /// <param name="cancellationToken">Ends the wait; a cancelled wait consumes nothing.</param>
    /// <exception cref="ChannelClosedException">The stream was closed.</exception>
    public async ValueTask WaitAsync(CancellationToken cancellationToken = default)
    {
        var waits = _set.Locked(BeginWait);
        try
        {
            await waits.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _set.Locked(EndWait);
        }
    }

    /// <summary>Makes the condition awaitable: <c>await producer.When.Subscribed().AtLeast(2)</c>.</summary>
    public ValueTaskAwaiter GetAwaiter() => WaitAsync().GetAwaiter();

    /// <summary>
    /// Whether the condition is met now, then every change, none left out. Counting starts at the first step.
    /// </summary>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="ChannelClosedException">The stream was closed, after its last change was delivered.</exception>
    public async IAsyncEnumerable<bool> TransitionsAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var waits = _set.Locked(BeginWait);
        try
        {
            await foreach (var met in waits.TransitionsAsync(cancellationToken).ConfigureAwait(false))
                yield return met;
        }
        finally
        {
            _set.Locked(EndWait);
        }
    }

    /// <summary>A tally of this description that counts no channel yet.</summary>
    internal ChannelTally NewTally() => new(_minimum, _inverted, _predicates);

    /// <summary>Called by the set, under its lock, after every change that the tally has counted.</summary>
    internal void OnChanged()
    {
        // A predicate is user code: its failure belongs to those who wait on this condition, to nobody else.
        if (Tally!.Error is { } error) // only conditions with a tally are registered
            _source!.Fail(error); // made with the tally
        else
            _source!.Set(Tally.IsMet); // as above
    }

    /// <summary>Called by the set, under its lock, when nothing will change any more.</summary>
    internal void OnClosed(Func<Exception> error) => _source!.Fail(error); // as above

    private bool Evaluate()
    {
        if (Tally is not null)
            return Tally.IsMet;
        var tally = NewTally();
        _set.Seed(tally);
        return tally.IsMet;
    }

    private Condition BeginWait()
    {
        if (_source is null)
        {
            Tally = NewTally();
            _set.Seed(Tally);
            _source = new ConditionSource(Tally.IsMet, _set.Scheduler);
            _waits = _source.Condition;
            if (Tally.Error is { } failed)
                _source.Fail(failed);
            else if (_set.ClosedWith is { } closed)
                OnClosed(closed);
            else
                _set.Register(this);
        }

        // While somebody waits the set refers to the condition, which nobody else may do.
        if (_waiting++ == 0)
            _set.Hold(this);
        return _waits!; // made together with the source
    }

    private bool EndWait()
    {
        if (--_waiting > 0)
            return false;
        _set.LetGo(this);
        return true;
    }
}
