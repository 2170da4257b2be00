namespace Mosaik.Postcard;

/// <summary>A value has no postcard image: a lone surrogate, a negative duration, an undefined enum value, null where a
/// value is required, or nesting beyond the limit. Nothing was written (spec/wire.md §3.4).</summary>
/// <param name="message">What was wrong with the value.</param>
/// <param name="inner">The exception of the type's own code, if any.</param>
public sealed class PostcardEncodeException(string message, Exception? inner = null)
    : InvalidOperationException(message, inner);
