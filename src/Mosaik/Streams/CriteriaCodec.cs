using System.Collections.Immutable;
using Mosaik.Postcard;

namespace Mosaik.Streams;

/// <summary>
/// Criteria on the wire: an extension block behind the ids of the consumer's handshake, where Rust 0.3.18 ignores it
/// and older producers of ours do.
/// </summary>
/// <remarks>
/// <code>
/// "crit" | version 1 | postcard: conditions: [(member: string, form: 0 any of (values: [bytes])
/// | 1 range (from: Option&lt;bytes&gt;, to: Option&lt;bytes&gt;))]
/// </code>
/// A producer that evaluates criteria says so by the first five bytes behind the ids of StartStream; without them the
/// consumer evaluates by itself. Both are sent only when there are conditions, so that a handshake without criteria is
/// Rust's to the byte. Another block or version means "everything" (spec/streams.md §13); a block of this version that
/// is malformed or exceeds the limits of <see cref="Criteria"/> breaks the protocol.
/// </remarks>
internal static class CriteriaCodec
{
    private const uint Forms = 2;
    private const uint AnyOf = 0;

    /// <summary>What starts a block, and by itself confirms one.</summary>
    public static ReadOnlySpan<byte> Mark => "crit\x01"u8;

    /// <summary>The block; no bytes for no conditions.</summary>
    public static byte[] Encode(ImmutableArray<Criterion> conditions)
    {
        if (conditions.IsEmpty)
            return [];
        var writer = new PostcardWriter(stackalloc byte[512]);
        try
        {
            writer.WriteRaw(Mark);
            writer.WriteCount(conditions.Length);
            foreach (var condition in conditions)
                Write(ref writer, condition);
            return writer.Written.ToArray();
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>Reads what follows the ids of a handshake; false when it is malformed.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> extension, out Criteria criteria)
    {
        criteria = Criteria.Default;
        if (!extension.StartsWith(Mark))
            return true;
        if (extension.Length > Criteria.MaxBytes)
            return false;
        var reader = new PostcardReader(extension[Mark.Length..]);
        if (!reader.TryReadCount(2, out var count) || count is 0 or > Criteria.MaxConditions)
            return false;
        var conditions = ImmutableArray.CreateBuilder<Criterion>(count);
        for (var i = 0; i < count; i++)
        {
            if (!TryRead(ref reader, out var condition))
                return false;
            conditions.Add(condition!); // set on success
        }

        criteria = Criteria.FromWire(conditions.MoveToImmutable());
        return true;
    }

    private static void Write(ref PostcardWriter writer, Criterion condition)
    {
        writer.WriteString(condition.Member);
        writer.WriteVariant(condition.AnyOf.IsEmpty ? 1u : AnyOf);
        if (condition.AnyOf.IsEmpty)
        {
            WriteEnd(ref writer, condition.From);
            WriteEnd(ref writer, condition.To);
            return;
        }

        writer.WriteCount(condition.AnyOf.Length);
        foreach (var value in condition.AnyOf)
            writer.WriteBytes(value);
    }

    private static void WriteEnd(ref PostcardWriter writer, byte[]? value)
    {
        writer.WriteOption(value is not null);
        if (value is not null)
            writer.WriteBytes(value);
    }

    private static bool TryRead(ref PostcardReader reader, out Criterion? condition)
    {
        condition = null;
        var start = reader.Position;
        if (!reader.TryReadString(out var member) || reader.Position - start > Criteria.MaxMemberBytes + 2
            || !reader.TryReadVariant(Forms, out var form))
            return false;
        if (form == AnyOf)
        {
            if (!TryReadValues(ref reader, out var values))
                return false;
            condition = new Criterion { Member = member, AnyOf = values };
            return true;
        }

        if (!TryReadEnd(ref reader, out var from) || !TryReadEnd(ref reader, out var to) || (from is null && to is null))
            return false;
        condition = new Criterion { Member = member, From = from, To = to };
        return true;
    }

    private static bool TryReadValues(ref PostcardReader reader, out ImmutableArray<byte[]> values)
    {
        values = [];
        if (!reader.TryReadCount(1, out var count) || count is 0 or > Criteria.MaxValues)
            return false;
        var builder = ImmutableArray.CreateBuilder<byte[]>(count);
        for (var i = 0; i < count; i++)
        {
            if (!reader.TryReadBytes(Criteria.MaxValueBytes, out var value))
                return false;
            builder.Add(value.ToArray());
        }

        values = builder.MoveToImmutable();
        return true;
    }

    private static bool TryReadEnd(ref PostcardReader reader, out byte[]? value)
    {
        value = null;
        if (!reader.TryReadOption(out var isSome))
            return false;
        if (!isSome)
            return true;
        if (!reader.TryReadBytes(Criteria.MaxValueBytes, out var bytes))
            return false;
        value = bytes.ToArray();
        return true;
    }
}
