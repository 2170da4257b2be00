using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Postcard.Converters;

/// <summary>The one message for a null where the type promises a value.</summary>
internal static class Null
{
    [DoesNotReturn]
    public static void Refuse<T>() => throw new PostcardEncodeException(
        $"A null of type {typeof(T)} has no postcard image. Make the member nullable, or use Optional<T>.");
}
