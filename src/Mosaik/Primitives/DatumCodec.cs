using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Mosaik.Primitives;

/// <summary>Codecs of datums that encode themselves.</summary>
public static class DatumCodec
{
    /// <summary>The codec of a type that encodes itself.</summary>
    /// <typeparam name="T">The datum.</typeparam>
    public static IDatumCodec<T> Of<T>()
        where T : IDatum<T> => new SelfCodec<T>();

    /// <summary>The codec where none is named: the datum's own, else postcard.</summary>
    internal static IDatumCodec<T> Default<T>() =>
        typeof(T).IsAssignableTo(typeof(IDatum<T>)) ? CreateOwn<T>() : new PostcardDatumCodec<T>();

    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Guarded by IsDynamicCodeSupported.")]
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "The codec's constructor is kept by Of.")]
    [UnconditionalSuppressMessage("Trimming", "IL2071", Justification = "T implements IDatum<T>: checked by the caller.")]
    private static IDatumCodec<T> CreateOwn<T>()
    {
        if (!RuntimeFeature.IsDynamicCodeSupported)
            throw new NotSupportedException($"{typeof(T)} encodes itself: set Codec = DatumCodec.Of<{typeof(T).Name}>().");
        var codec = Activator.CreateInstance(typeof(SelfCodec<>).MakeGenericType(typeof(T)));
        return (IDatumCodec<T>)codec!; // a class with a constructor without parameters
    }

    private sealed class SelfCodec<T> : IDatumCodec<T>
        where T : IDatum<T>
    {
        public void Encode(T datum, IBufferWriter<byte> writer) => T.Encode(datum, writer);

        public bool TryDecode(ReadOnlySpan<byte> payload, [MaybeNullWhen(false)] out T datum) => T.TryDecode(payload, out datum);
    }
}
