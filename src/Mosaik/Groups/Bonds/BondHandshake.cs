using Mosaik.Discovery;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Groups.Bonds;

/// <summary>The two messages that make a bond (spec/groups.md §4.3).</summary>
/// <remarks>
/// <c>Start = network ‖ group ‖ proof ‖ entries [‖ extension]</c>, <c>End = proof ‖ entries [‖ extension]</c>. The entries
/// are those of the sender's bonds; they are walked here and verified by whoever wants to use them.
/// </remarks>
internal static class BondHandshake
{
    /// <summary>Most entries of one message that are looked at.</summary>
    public const int MaxEntries = 10_000;

    /// <summary>Empty protocol and sets, one-byte varints, and a signature.</summary>
    private const int MinimumEntrySize = 1 + UniqueId.Length + 2 + PeerId.Length + 5 + Signature.Length;

    /// <summary>Encodes the initiator's message.</summary>
    public static byte[] EncodeStart(
        NetworkId network, GroupId group, UniqueId proof, IReadOnlyCollection<SignedPeerEntry> entries, BondExtension? extension)
    {
        var writer = new PostcardWriter(default);
        try
        {
            writer.WriteRaw(network.AsSpan());
            writer.WriteRaw(group.AsSpan());
            WriteRest(ref writer, proof, entries, extension);
            return writer.Written.ToArray();
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>Encodes the acceptor's answer.</summary>
    public static byte[] EncodeEnd(UniqueId proof, IReadOnlyCollection<SignedPeerEntry> entries, BondExtension? extension)
    {
        var writer = new PostcardWriter(default);
        try
        {
            WriteRest(ref writer, proof, entries, extension);
            return writer.Written.ToArray();
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>Reads the initiator's message; false when it is malformed.</summary>
    public static bool TryReadStart(ReadOnlyMemory<byte> payload, out Start start)
    {
        start = default;
        var reader = new PostcardReader(payload.Span);
        if (!reader.TryReadRaw(UniqueId.Length, out var network) || !reader.TryReadRaw(UniqueId.Length, out var group))
            return false;
        var (networkId, groupId) = (NetworkId.FromRaw(network), GroupId.FromRaw(group));
        if (!TryReadEnd(payload[reader.Position..], out var rest))
            return false;
        start = new Start(networkId, groupId, rest);
        return true;
    }

    /// <summary>Reads the acceptor's answer; false when it is malformed.</summary>
    public static bool TryReadEnd(ReadOnlyMemory<byte> payload, out End end)
    {
        end = default;
        var reader = new PostcardReader(payload.Span);
        if (!reader.TryReadRaw(UniqueId.Length, out var bytes))
            return false;
        var proof = UniqueId.FromRaw(bytes);
        if (!reader.TryReadCount(MinimumEntrySize, out var count))
            return false;
        var entries = new List<ParsedPeerEntry>(Math.Min(count, 64));
        for (var i = 0; i < count; i++)
        {
            if (!ParsedPeerEntry.TryRead(payload[reader.Position..], out var entry)
                || !reader.TryReadRaw(entry.Bytes.Length, out _))
                return false;
            if (entries.Count < MaxEntries)
                entries.Add(entry);
        }

        if (!BondExtension.TryRead(ref reader, out var extension))
            return false;
        end = new End(proof, entries, extension);
        return true;
    }

    private static void WriteRest(
        ref PostcardWriter writer, UniqueId proof, IReadOnlyCollection<SignedPeerEntry> entries, BondExtension? extension)
    {
        writer.WriteRaw(proof.AsSpan());
        writer.WriteCount(entries.Count);
        foreach (var entry in entries)
            writer.WriteRaw(entry.Bytes.Span);
        extension?.Write(ref writer);
    }

    /// <summary>The acceptor's answer, and what the initiator's message has in common with it.</summary>
    /// <param name="Proof">That the sender holds the key.</param>
    /// <param name="Entries">Its bonds; slices of the message, not verified.</param>
    /// <param name="Extension">Null from a plain peer.</param>
    internal readonly record struct End(UniqueId Proof, IReadOnlyList<ParsedPeerEntry> Entries, BondExtension? Extension);

    /// <summary>The initiator's message.</summary>
    internal readonly record struct Start(NetworkId Network, GroupId Group, End Rest);
}
