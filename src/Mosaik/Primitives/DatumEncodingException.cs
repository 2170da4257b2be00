namespace Mosaik.Primitives;

/// <summary>
/// A datum, command or query cannot be encoded; nothing of it was sent. Thrown at the call that supplied it.
/// </summary>
public sealed class DatumEncodingException : MosaikException
{
    internal DatumEncodingException(object? datum, Exception cause)
        : base($"A value of type {datum?.GetType().Name ?? "null"} cannot be encoded: {cause.Message}", cause) => Datum = datum;

    /// <summary>The value.</summary>
    public object? Datum { get; }
}
