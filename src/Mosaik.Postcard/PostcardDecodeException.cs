namespace Mosaik.Postcard;

/// <summary>
/// Postcard bytes could not be decoded. Thrown only by <c>Decode</c>; <c>TryDecode</c> returns the same facts.
/// </summary>
public sealed class PostcardDecodeException : FormatException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="type">The type that was to be decoded.</param>
    /// <param name="error">The reason.</param>
    /// <param name="offset">The offset at which the refused item starts.</param>
    public PostcardDecodeException(Type type, PostcardError error, int offset)
        : base($"Cannot decode {type}: {error} at offset {offset}.")
    {
        TargetType = type;
        Error = error;
        Offset = offset;
    }

    /// <summary>The type that was to be decoded.</summary>
    public Type TargetType { get; }

    /// <summary>The reason.</summary>
    public PostcardError Error { get; }

    /// <summary>The offset at which the refused item starts.</summary>
    public int Offset { get; }
}
