using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Mosaik.Postcard.Converters;

/// <summary>Reads counted elements into memory that grows with what was really read (LEN-3, LEN-4).</summary>
internal static class Elements
{
    // A reference and the smallest object behind it; for content-free elements this is what the input must justify.
    private const int SmallestObject = 32;

    public static int MemoryOf<T>() => RuntimeHelpers.IsReferenceOrContainsReferences<T>()
        ? Unsafe.SizeOf<T>() + SmallestObject
        : Unsafe.SizeOf<T>();

    public static bool TryReadCount<T>(ref PostcardReader reader, PostcardConverter<T> element, out int count) =>
        reader.TryReadCount(element.MinimumSize, MemoryOf<T>(), out count);

    public static bool TryReadArray<T>(
        ref PostcardReader reader, PostcardConverter<T> element, [MaybeNullWhen(false)] out T[] array)
    {
        array = null;
        if (!TryReadCount(ref reader, element, out var count))
            return false;
        if (count == 0)
        {
            array = [];
            return true;
        }

        var items = new T[PostcardReader.InitialCapacity(count, Unsafe.SizeOf<T>())];
        for (var read = 0; ;)
        {
            if (!element.TryReadMany(ref reader, items.AsSpan(read)))
                return false;
            read = items.Length;
            if (read == count)
                break;
            Array.Resize(ref items, (int)Math.Min(2L * read, count));
        }

        array = items;
        return true;
    }
}
