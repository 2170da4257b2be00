using System.Runtime.InteropServices;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>
/// The TLVs behind a message (spec/groups.md §4.8): type, length, value. Read on extended bonds only; unknown types are
/// skipped; a truncated block, a type twice or a value of the wrong form makes the message undecodable.
/// </summary>
/// <param name="Lineage">Which founding the entries of term 1 belong to.</param>
/// <param name="Round">The leader's round.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct MessageTail(UniqueId? Lineage, ulong? Round)
{
    private const ulong LineageType = 0x10;
    private const ulong RoundType = 0x11;

    /// <summary>The most bytes <see cref="Write"/> takes.</summary>
    public const int MaxLength = 2 + UniqueId.Length + 2 + 10;

    public void Write(ref PostcardWriter writer)
    {
        if (Lineage is { } lineage)
        {
            writer.WriteUInt64(LineageType);
            writer.WriteBytes(lineage.AsSpan());
        }

        if (Round is { } round)
        {
            Span<byte> room = stackalloc byte[10];
            var value = new PostcardWriter(room);
            value.WriteUInt64(round);
            writer.WriteUInt64(RoundType);
            writer.WriteBytes(value.Written);
        }
    }

    /// <summary>Reads what is left of a message.</summary>
    public static bool TryRead(scoped ref PostcardReader reader, bool isExtended, out MessageTail tail)
    {
        tail = default;
        if (!isExtended)
            return true;
        ulong? previous = null;
        ulong seen = 0;
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadUInt64(out ulong type) || !reader.TryReadBytes(out ReadOnlySpan<byte> value))
                return false;
            bool repeated = type < 64 ? (seen & (1UL << (int)type)) != 0 : type == previous;
            if (repeated || !tail.TryTake(type, value, out tail))
                return reader.Fail(PostcardError.NotCanonical);
            seen |= type < 64 ? 1UL << (int)type : 0;
            previous = type;
        }

        return true;
    }

    private bool TryTake(ulong type, ReadOnlySpan<byte> value, out MessageTail tail)
    {
        tail = this;
        if (type == LineageType)
        {
            if (!UniqueId.TryFromRaw(value, out UniqueId lineage))
                return false;
            tail = this with { Lineage = lineage };
        }
        else if (type == RoundType)
        {
            var reader = new PostcardReader(value);
            if (!reader.TryReadUInt64(out ulong round) || !reader.IsAtEnd)
                return false;
            tail = this with { Round = round };
        }

        return true;
    }
}
