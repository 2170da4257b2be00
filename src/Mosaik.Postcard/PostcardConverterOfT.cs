using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Mosaik.Postcard.Converters;
using PolyType.Abstractions;

namespace Mosaik.Postcard;

/// <summary>
/// Writes and reads values of one type: a node of the converter tree, and the handle to encode and decode with.
/// </summary>
/// <remarks>
/// A type gets its own converter by deriving from this class and either naming it with
/// <see cref="PostcardConverterAttribute"/> or passing it to a <see cref="PostcardSerializer"/>. Converters are
/// immutable and used by many threads at once. <see cref="TryRead"/> reports malformed input through the reader and
/// does not throw.
/// </remarks>
/// <typeparam name="T">The type.</typeparam>
public abstract class PostcardConverter<T> : PostcardConverter
{
    private const int StackBuffer = 512;

    /// <inheritdoc/>
    public sealed override Type Type => typeof(T);

    /// <summary>Writes a value.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="PostcardEncodeException">The value has no postcard image.</exception>
    public abstract void Write(ref PostcardWriter writer, in T value);

    /// <summary>Reads a value.</summary>
    /// <param name="reader">Where from; says why when reading fails.</param>
    /// <param name="value">The value.</param>
    /// <returns>False when the input is malformed.</returns>
    public abstract bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out T value);

    /// <summary>
    /// Writes the elements of a sequence, without their count. Overridden where a loop can be faster.
    /// </summary>
    /// <param name="writer">Where to.</param>
    /// <param name="values">The elements.</param>
    public virtual void WriteMany(ref PostcardWriter writer, scoped ReadOnlySpan<T> values)
    {
        foreach (ref readonly var value in values)
            Write(ref writer, in value);
    }

    /// <summary>Reads the elements of a sequence, whose count is known.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="values">Filled completely.</param>
    /// <returns>False when the input is malformed.</returns>
    public virtual bool TryReadMany(ref PostcardReader reader, scoped Span<T> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (!TryRead(ref reader, out values[i]!)) // set on success
                return false;
        }

        return true;
    }

    /// <summary>Encodes a value. Nothing reaches the output unless everything could be written.</summary>
    /// <param name="output">Where the bytes go.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="PostcardEncodeException">The value has no postcard image.</exception>
    public void Encode(IBufferWriter<byte> output, in T value)
    {
        ArgumentNullException.ThrowIfNull(output);
        var writer = new PostcardWriter(output.GetSpan());
        try
        {
            Write(ref writer, in value);
            var written = writer.Written;
            if (writer.HasMoved)
                written.CopyTo(output.GetSpan(written.Length));
            output.Advance(written.Length);
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>Encodes a value into a new array.</summary>
    /// <param name="value">The value.</param>
    /// <returns>Its image.</returns>
    /// <exception cref="PostcardEncodeException">The value has no postcard image.</exception>
    [SkipLocalsInit]
    public byte[] Encode(in T value)
    {
        var writer = new PostcardWriter(stackalloc byte[StackBuffer]);
        try
        {
            Write(ref writer, in value);
            return writer.Written.ToArray();
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>Decodes a value. In lenient form bytes after it are ignored.</summary>
    /// <param name="input">The bytes.</param>
    /// <param name="value">The value.</param>
    /// <param name="form">Whether only the canonical image is accepted.</param>
    /// <returns>The outcome; malformed input is not an exception.</returns>
    public PostcardResult TryDecode(
        ReadOnlySpan<byte> input, out T? value, PostcardForm form = PostcardForm.Lenient)
    {
        var reader = new PostcardReader(input, form);
        try
        {
            if (TryRead(ref reader, out value) && (form == PostcardForm.Lenient || reader.TryReadEnd()))
                return new PostcardResult(PostcardError.None, reader.Position);
        }
        catch (Exception e) when (e is not (OutOfMemoryException or InsufficientExecutionStackException))
        {
            // A constructor, comparer or converter of the user's type refused the value: bad input, not a broken
            // program.
            reader.Fail(PostcardError.InvalidValue);
        }

        value = default;
        return reader.Error == PostcardError.None
            ? new PostcardResult(PostcardError.InvalidValue, reader.Position)
            : new PostcardResult(reader.Error, reader.ErrorOffset);
    }

    /// <summary>Decodes a value, or throws.</summary>
    /// <param name="input">The bytes.</param>
    /// <param name="form">Whether only the canonical image is accepted.</param>
    /// <returns>The value.</returns>
    /// <exception cref="PostcardDecodeException">The bytes are malformed; says why and where.</exception>
    public T Decode(ReadOnlySpan<byte> input, PostcardForm form = PostcardForm.Lenient)
    {
        var result = TryDecode(input, out var value, form);
        return result.IsSuccess
            ? value! // TryDecode succeeded, so the value is set
            : throw new PostcardDecodeException(typeof(T), result.Error, result.Offset);
    }

    // A converter builds the members that use it, so that those of plain values need no second virtual call.
    internal virtual MemberWriter<TOwner> CreateMemberWriter<TOwner>(Getter<TOwner, T> getter) =>
        new ConverterMemberWriter<TOwner, T>(getter, this);

    internal virtual MemberReader<TOwner> CreateMemberReader<TOwner>(Setter<TOwner, T> setter) =>
        new ConverterMemberReader<TOwner, T>(setter, this);
}
