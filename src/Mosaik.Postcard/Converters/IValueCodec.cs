using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Postcard.Converters;

/// <summary>
/// How one built-in type is written and read. Implemented by empty structs, so that the code that uses them is
/// specialised and the calls are inlined.
/// </summary>
internal interface IValueCodec<T>
{
    /// <summary>The fewest bytes a value can take.</summary>
    static abstract int MinimumSize { get; }

    static abstract void Write(ref PostcardWriter writer, T value);

    static abstract bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out T value);
}
