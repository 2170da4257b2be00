namespace Mosaik.Postcard;

/// <summary>Why postcard bytes were refused (spec/wire.md §3.3).</summary>
public enum PostcardError
{
    /// <summary>Nothing is wrong.</summary>
    None = 0,

    /// <summary>The input ends inside a value, or a length claims more than the input holds.</summary>
    EndOfInput = 1,

    /// <summary>A varint has too many bytes or bits for its width.</summary>
    VarintRange = 2,

    /// <summary>A bool is neither 0 nor 1.</summary>
    InvalidBool = 3,

    /// <summary>An option tag is neither 0 nor 1.</summary>
    InvalidOption = 4,

    /// <summary>An enum or union variant, or the family of an address, is unknown.</summary>
    InvalidVariant = 5,

    /// <summary>A string is not valid UTF-8.</summary>
    InvalidUtf8 = 6,

    /// <summary>A char is not exactly one Unicode scalar value.</summary>
    InvalidChar = 7,

    /// <summary>The bytes are well formed but the type has no such value: a bad timestamp, a duration beyond the CLR
    /// type, or a value its constructor refuses.</summary>
    InvalidValue = 8,

    /// <summary>Values are nested more than <see cref="PostcardReader.MaxDepth"/> levels deep.</summary>
    TooDeep = 9,

    /// <summary>A collection of elements without content claims more elements than the limit.</summary>
    TooLarge = 10,

    /// <summary>The bytes are not in canonical form, which this reader demands (spec/wire.md §3.5).</summary>
    NotCanonical = 11,
}
