using System.Collections;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// The bonds this node has in a group, ascending by peer (spec/groups.md §4.5). Thread-safe; enumeration and counting see one
/// immutable snapshot each.
/// </summary>
[SuppressMessage("Naming", "CA1710", Justification = "the field's word is enough")]
public sealed class GroupBonds : IReadOnlyCollection<Bond>
{
    private readonly ObservedValue<Snapshot> _value;

    internal GroupBonds(TaskScheduler scheduler) => _value = new ObservedValue<Snapshot>(new Snapshot([], 0), scheduler);

    /// <inheritdoc/>
    public int Count => _value.Current.Bonds.Length;

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => Count == 0;

    /// <summary>Whether there is a bond with a peer.</summary>
    /// <param name="peer">The peer.</param>
    /// <returns>True if there is.</returns>
    public bool Contains(PeerId peer) => TryGet(peer, out _);

    /// <summary>The bond with a peer.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="bond">The bond.</param>
    /// <returns>False if there is none.</returns>
    public bool TryGet(PeerId peer, [MaybeNullWhen(false)] out Bond bond)
    {
        bond = _value.Current.Bonds.FirstOrDefault(b => b.PeerId == peer);
        return bond is not null;
    }

    /// <summary>The next addition or removal after this call.</summary>
    /// <returns>A condition that yields this list.</returns>
    public GroupCondition Changed()
    {
        var version = _value.Current.Version;
        return GroupCondition.On(_value, s => s.Version != version);
    }

    /// <summary>Whether the list of bonds satisfies a predicate.</summary>
    /// <param name="predicate">Judges the bonds, ascending by peer; quick, without effect.</param>
    /// <returns>A condition.</returns>
    public GroupCondition WhenAny(Func<IReadOnlyList<Bond>, bool> predicate)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        return GroupCondition.On(_value, s => predicate(s.Bonds));
    }

    /// <inheritdoc/>
    public IEnumerator<Bond> GetEnumerator() => ((IEnumerable<Bond>)_value.Current.Bonds).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal void Publish(ImmutableArray<Bond> bonds) =>
        _value.Publish(new Snapshot(bonds, _value.Current.Version + 1));

    internal void Fail(Exception error) => _value.Fail(error);

    /// <param name="Bonds">Ascending by peer.</param>
    /// <param name="Version">How often it has changed.</param>
    internal sealed record Snapshot(ImmutableArray<Bond> Bonds, long Version);
}
