using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Postcard;

/// <summary>
/// A value or nothing, for what <c>T?</c> cannot say: an option inside an option, or optional elements of reference
/// type in a collection. Encoded as an option.
/// </summary>
/// <typeparam name="T">The type of the value.</typeparam>
public readonly record struct Optional<T>
{
    /// <summary>Holds a value.</summary>
    /// <param name="value">The value.</param>
    public Optional(T value)
    {
        Value = value;
        HasValue = true;
    }

    /// <summary>Whether there is a value.</summary>
    [MemberNotNullWhen(true, nameof(Value))]
    public bool HasValue { get; }

    /// <summary>The value; the default of its type when there is none.</summary>
    public T? Value { get; }

    /// <summary>Holds a value.</summary>
    /// <param name="value">The value.</param>
    public static implicit operator Optional<T>(T value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => HasValue ? $"Some({Value})" : "None";
}
