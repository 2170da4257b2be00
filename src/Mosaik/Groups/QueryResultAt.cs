using System.Runtime.InteropServices;

namespace Mosaik.Groups;

/// <summary>The answer to a query and the position in the log it reflects. Equal if the answers are.</summary>
/// <typeparam name="TResult">The answer.</typeparam>
[StructLayout(LayoutKind.Auto)]
public readonly struct QueryResultAt<TResult> : IEquatable<QueryResultAt<TResult>>
{
    internal QueryResultAt(TResult result, LogIndex position)
    {
        Result = result;
        Position = position;
    }

    /// <summary>The answer.</summary>
    public TResult Result { get; }

    /// <summary>The committed index of the node that answered, at that time.</summary>
    public LogIndex Position { get; }

    /// <inheritdoc/>
    public bool Equals(QueryResultAt<TResult> other) => EqualityComparer<TResult>.Default.Equals(Result, other.Result);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is QueryResultAt<TResult> other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Result is null ? 0 : Result.GetHashCode();

    /// <summary>The text of the answer.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Result?.ToString() ?? "";

    /// <summary>The answer.</summary>
    /// <returns>The same as <see cref="Result"/>.</returns>
    public TResult ToTResult() => Result;

    /// <summary>The answer.</summary>
    /// <param name="value">The result.</param>
    public static implicit operator TResult(QueryResultAt<TResult> value) => value.Result;

    /// <summary>Whether the answers are equal.</summary>
    /// <param name="left">One result.</param>
    /// <param name="right">Another result.</param>
    public static bool operator ==(QueryResultAt<TResult> left, QueryResultAt<TResult> right) => left.Equals(right);

    /// <summary>Whether the answers differ.</summary>
    /// <param name="left">One result.</param>
    /// <param name="right">Another result.</param>
    public static bool operator !=(QueryResultAt<TResult> left, QueryResultAt<TResult> right) => !left.Equals(right);
}
