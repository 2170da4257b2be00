using System.Runtime.CompilerServices;

namespace Mosaik.Groups;

/// <summary>A condition that yields the value that met it, see <see cref="GroupCondition"/>.</summary>
/// <typeparam name="TValue">The value.</typeparam>
public readonly struct GroupCondition<TValue> : IEquatable<GroupCondition<TValue>>
{
    private readonly Func<bool>? _isMet;
    private readonly Func<CancellationToken, ValueTask<TValue>>? _wait;

    private GroupCondition(Func<bool> isMet, Func<CancellationToken, ValueTask<TValue>> wait)
    {
        _isMet = isMet;
        _wait = wait;
    }

    /// <summary>Whether it is met now.</summary>
    public bool IsMet => _isMet is not null && _isMet();

    /// <summary>Waits until it is met.</summary>
    /// <param name="cancellationToken">Ends this wait only.</param>
    /// <returns>The value that met it.</returns>
    /// <exception cref="GroupTerminatedException">The group ended before.</exception>
    public ValueTask<TValue> WaitAsync(CancellationToken cancellationToken = default) => _wait is null
        ? throw new InvalidOperationException("A condition comes from a group.")
        : _wait(cancellationToken);

    /// <summary>Lets the condition be awaited: the same as <see cref="WaitAsync"/> without a token.</summary>
    /// <returns>The awaiter.</returns>
    public ValueTaskAwaiter<TValue> GetAwaiter() => WaitAsync().GetAwaiter();

    /// <inheritdoc/>
    public bool Equals(GroupCondition<TValue> other) => _isMet == other._isMet;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is GroupCondition<TValue> other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _isMet?.GetHashCode() ?? 0;

    /// <summary>Whether two conditions are the same object's.</summary>
    /// <param name="left">One condition.</param>
    /// <param name="right">Another condition.</param>
    public static bool operator ==(GroupCondition<TValue> left, GroupCondition<TValue> right) => left.Equals(right);

    /// <summary>Whether two conditions are different ones.</summary>
    /// <param name="left">One condition.</param>
    /// <param name="right">Another condition.</param>
    public static bool operator !=(GroupCondition<TValue> left, GroupCondition<TValue> right) => !left.Equals(right);

    /// <summary>A condition on a published value.</summary>
    internal static GroupCondition<TValue> On<T>(ObservedValue<T> value, Func<T, bool> predicate, Func<T, TValue> select)
        where T : class => new(
        () => predicate(value.Current),
        async token => select(await value.WaitAsync(predicate, token).ConfigureAwait(false)));
}
