using System.Runtime.CompilerServices;

namespace Mosaik.Groups;

/// <summary>
/// Something about a group that is met or not, and can be awaited: <c>await group.When.Online()</c>. Event-driven.
/// </summary>
/// <remarks>
/// A wait completes at once if the condition is met and otherwise when it is; it fails with
/// <see cref="GroupTerminatedException"/> when the group ends before. Values between two looks are not missed while a wait is
/// under way. Thread-safe; nothing has to be disposed.
/// </remarks>
public readonly struct GroupCondition : IEquatable<GroupCondition>
{
    private readonly Func<bool>? _isMet;
    private readonly Func<bool, CancellationToken, ValueTask>? _wait;
    private readonly bool _inverted;

    private GroupCondition(Func<bool>? isMet, Func<bool, CancellationToken, ValueTask>? wait, bool inverted)
    {
        _isMet = isMet;
        _wait = wait;
        _inverted = inverted;
    }

    /// <summary>Whether it is met now.</summary>
    public bool IsMet => _isMet is not null && _isMet() != _inverted;

    /// <summary>The opposite condition.</summary>
    /// <returns>A new condition.</returns>
    public GroupCondition Not() => new(_isMet, _wait, !_inverted);

    /// <summary>Waits until it is met.</summary>
    /// <param name="cancellationToken">Ends this wait only.</param>
    /// <returns>A task for that.</returns>
    /// <exception cref="GroupTerminatedException">The group ended before.</exception>
    public ValueTask WaitAsync(CancellationToken cancellationToken = default) => _wait is null
        ? throw new InvalidOperationException("A condition comes from a group.")
        : _wait(_inverted, cancellationToken);

    /// <summary>Lets the condition be awaited: the same as <see cref="WaitAsync"/> without a token.</summary>
    /// <returns>The awaiter.</returns>
    public ValueTaskAwaiter GetAwaiter() => WaitAsync().GetAwaiter();

    /// <inheritdoc/>
    public bool Equals(GroupCondition other) => _isMet == other._isMet && _inverted == other._inverted;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is GroupCondition other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_isMet, _inverted);

    /// <summary>Whether two conditions are the same object's.</summary>
    /// <param name="left">One condition.</param>
    /// <param name="right">Another condition.</param>
    public static bool operator ==(GroupCondition left, GroupCondition right) => left.Equals(right);

    /// <summary>Whether two conditions are different ones.</summary>
    /// <param name="left">One condition.</param>
    /// <param name="right">Another condition.</param>
    public static bool operator !=(GroupCondition left, GroupCondition right) => !left.Equals(right);

    /// <summary>A condition on a published value.</summary>
    internal static GroupCondition On<T>(ObservedValue<T> value, Func<T, bool> predicate)
        where T : class => new(
        () => predicate(value.Current),
        async (inverted, token) => await value.WaitAsync(v => predicate(v) != inverted, token).ConfigureAwait(false),
        inverted: false);
}
