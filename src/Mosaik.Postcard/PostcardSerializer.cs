using System.Buffers;
using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Mosaik.Postcard.Building;
using Mosaik.Postcard.Converters;
using PolyType;
using PolyType.Abstractions;
using PolyType.ReflectionProvider;
using PolyType.Utilities;

namespace Mosaik.Postcard;

/// <summary>
/// Encodes and decodes values of any type that has a shape (spec/wire.md §3).
/// </summary>
/// <remarks>
/// <para>
/// A type's converter is built from its shape at first use and kept. The shape comes from the source generator
/// (<c>[GenerateShape]</c> on a partial type, no reflection), or, for plain types and where dynamic code is available,
/// from reflection. A type that cannot be mapped is refused with <see cref="NotSupportedException"/> when its converter
/// is built.
/// </para>
/// <para>
/// In code without nullable annotations every member of reference type counts as nullable, that is, as an option.
/// Null elements of collections and tuples, and null members declared as a type parameter, have no image; use
/// <see cref="Optional{T}"/>.
/// </para>
/// <para>Thread-safe. Code on a hot path keeps the converter (<see cref="GetConverter{T}()"/>) and uses it
/// directly.</para>
/// </remarks>
public sealed class PostcardSerializer
{
    private readonly FrozenDictionary<Type, PostcardConverter> _custom;
    private readonly MultiProviderTypeCache _cache;

    /// <summary>Creates a serializer that knows converters besides the built-in ones.</summary>
    /// <param name="converters">Used for their types wherever these occur, before attributes and built-in
    /// converters.</param>
    public PostcardSerializer(params IEnumerable<PostcardConverter> converters)
    {
        _custom = converters.ToFrozenDictionary(static c => c.Type);
        _cache = new MultiProviderTypeCache
        {
            DelayedValueFactory = new DelayedConverterFactory(),
            ValueBuilderFactory = context => new ConverterBuilder(_custom, context),
        };
    }

    /// <summary>The serializer without additional converters.</summary>
    public static PostcardSerializer Default { get; } = new();

    /// <summary>The converter of a type, from its generated shape or by reflection.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <returns>The same converter at every call.</returns>
    /// <exception cref="NotSupportedException">The type cannot be mapped, or has no shape and dynamic code is not
    /// available.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public PostcardConverter<T> GetConverter<T>() =>
        LastUsed<T>.Entry is { } entry && entry.Serializer == this ? entry.Converter : FindConverter<T>();

    /// <summary>The converter of a type with the given shape.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <param name="shape">The shape, for example <c>T.GetTypeShape()</c> of a <c>[GenerateShape]</c> type.</param>
    /// <returns>The same converter at every call with shapes of the same provider.</returns>
    /// <exception cref="NotSupportedException">The type cannot be mapped.</exception>
    public PostcardConverter<T> GetConverter<T>(ITypeShape<T> shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return (PostcardConverter<T>)_cache.GetOrAdd(shape)!; // the builder returns a converter or throws
    }

    /// <inheritdoc cref="PostcardConverter{T}.Encode(IBufferWriter{byte}, in T)"/>
    /// <typeparam name="T">The type of the value.</typeparam>
    public void Encode<T>(IBufferWriter<byte> output, in T value) => GetConverter<T>().Encode(output, in value);

    /// <inheritdoc cref="PostcardConverter{T}.Encode(in T)"/>
    /// <typeparam name="T">The type of the value.</typeparam>
    public byte[] Encode<T>(in T value) => GetConverter<T>().Encode(in value);

    /// <inheritdoc cref="PostcardConverter{T}.TryDecode"/>
    /// <typeparam name="T">The type of the value.</typeparam>
    public PostcardResult TryDecode<T>(
        ReadOnlySpan<byte> input, out T? value, PostcardForm form = PostcardForm.Lenient) =>
        GetConverter<T>().TryDecode(input, out value, form);

    /// <inheritdoc cref="PostcardConverter{T}.Decode"/>
    /// <typeparam name="T">The type of the value.</typeparam>
    public T Decode<T>(ReadOnlySpan<byte> input, PostcardForm form = PostcardForm.Lenient) =>
        GetConverter<T>().Decode(input, form);

    /// <summary>
    /// The shape that a type is mapped by: the generated one, or by reflection where dynamic code is available.
    /// </summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <returns>The shape, for those who need a type's members rather than its bytes.</returns>
    /// <exception cref="NotSupportedException">The type has no shape.</exception>
    public static ITypeShape<T> ShapeOf<T>() => TypeShapeResolver.ResolveDynamic<T>() ?? Reflect<T>();

    private PostcardConverter<T> FindConverter<T>()
    {
        var converter = (_custom.GetValueOrDefault(typeof(T)) ?? BuiltInConverters.Find(typeof(T))) as PostcardConverter<T>
            ?? GetConverter(ShapeOf<T>());
        LastUsed<T>.Entry = new CacheEntry<T>(this, converter);
        return converter;
    }

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification =
        "Plain types are the convenience of untrimmed programs; a trimmed one generates shapes, which come first.")]
    private static ITypeShape<T> Reflect<T>()
    {
        if (!RuntimeFeature.IsDynamicCodeSupported)
        {
            throw new NotSupportedException(
                $"{typeof(T)} has no generated shape and dynamic code is not available. Put [GenerateShape] on the type, or "
                + "pass a shape to GetConverter.");
        }

        return ReflectionTypeShapeProvider.Default.GetTypeShape<T>()
            ?? throw new NotSupportedException($"{typeof(T)} has no type shape.");
    }

    // The converter found last, per type: nearly always there is one serializer, and this is one load and one
    // comparison.
    private static class LastUsed<T>
    {
        public static CacheEntry<T>? Entry;
    }

    private sealed record CacheEntry<T>(PostcardSerializer Serializer, PostcardConverter<T> Converter);
}
