using System.Runtime.InteropServices;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// Where the fields of an encoded peer entry are (spec/discovery.md §2.1). The result of walking an entry: everything a
/// decision needs without making an object of it.
/// </summary>
/// <remarks>
/// <para>protocol: string ‖ network: 32 ‖ version: 2 zigzag ‖ address: id 32 ‖ addresses ‖ tags ‖ streams ‖ groups ‖
/// tickets.</para>
/// <para>Walked twice: leniently to learn the span (lengths, counts and variant tags only; ids, texts and integers are
/// taken as
/// they are), and canonically before the signature is looked at (spec/wire.md §3.5). Offsets count from the entry's
/// first byte.</para>
/// </remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PeerEntryLayout
{
    /// <summary>Bytes of a ticket without its data: key, class, and a length of at least one byte.</summary>
    private const int MinimumTicketSize = 2 * UniqueId.Length + 1;

    public PeerVersion Version { get; private init; }

    public int ProtocolStart { get; private init; }

    public int NetworkStart { get; private init; }

    public int VersionStart { get; private init; }

    /// <summary>Where the address begins, and with it the id of the peer.</summary>
    public int AddressStart { get; private init; }

    public IdSpan Tags { get; private init; }

    public IdSpan Streams { get; private init; }

    public IdSpan Groups { get; private init; }

    /// <summary>Where the first ticket begins, after the count.</summary>
    public int TicketsStart { get; private init; }

    public int TicketCount { get; private init; }

    /// <summary>The length of the whole entry without signature.</summary>
    public int Length { get; private init; }

    /// <summary>
    /// Walks the beginning up to and including the peer id: enough to find a stored entry to compare with.
    /// </summary>
    public static bool TryReadHead(ref PostcardReader reader, out PeerEntryLayout layout)
    {
        layout = default;
        int start = reader.Position;
        if (!reader.TryReadBytes(out ReadOnlySpan<byte> protocol))
            return false;
        int networkStart = reader.Position - start;
        if (reader.IsCanonical && !SemanticVersion.IsValid(protocol))
            return reader.Fail(PostcardError.NotCanonical, start);
        if (!reader.TryReadRaw(UniqueId.Length, out _) || !PeerVersion.TryRead(ref reader, out PeerVersion version))
            return false;
        layout = new PeerEntryLayout
        {
            Version = version,
            ProtocolStart = networkStart - protocol.Length,
            NetworkStart = networkStart,
            VersionStart = networkStart + UniqueId.Length,
            AddressStart = reader.Position - start,
        };
        return reader.TryReadRaw(PeerId.Length, out _);
    }

    /// <summary>Walks the rest of an entry whose head has been read from the same reader.</summary>
    public static bool TryReadRest(ref PostcardReader reader, ref PeerEntryLayout layout)
    {
        int start = reader.Position - layout.AddressStart - PeerId.Length;
        if (!EndpointAddress.TryWalk(ref reader, null)
            || !TryReadIds(ref reader, start, out IdSpan tags)
            || !TryReadIds(ref reader, start, out IdSpan streams)
            || !TryReadIds(ref reader, start, out IdSpan groups)
            || !reader.TryReadCount(MinimumTicketSize, out int tickets))
        {
            return false;
        }
        int ticketsStart = reader.Position - start;
        if (!TryWalkTickets(ref reader, tickets))
            return false;
        layout = layout with
        {
            Tags = tags,
            Streams = streams,
            Groups = groups,
            TicketsStart = ticketsStart,
            TicketCount = tickets,
            Length = reader.Position - start,
        };
        return true;
    }

    /// <summary>Walks a whole entry.</summary>
    public static bool TryRead(ref PostcardReader reader, out PeerEntryLayout layout) =>
        TryReadHead(ref reader, out layout) && TryReadRest(ref reader, ref layout);

    private static bool TryReadIds(ref PostcardReader reader, int entryStart, out IdSpan ids)
    {
        ids = default;
        if (!reader.TryReadCount(UniqueId.Length, out int count))
            return false;
        int start = reader.Position;
        if (!reader.TryReadRaw(count * UniqueId.Length, out ReadOnlySpan<byte> raw)) // cannot overflow: the input holds as many
            return false;
        for (int i = UniqueId.Length; reader.IsCanonical && i < raw.Length; i += UniqueId.Length)
        {
            if (raw.Slice(i - UniqueId.Length, UniqueId.Length).SequenceCompareTo(raw.Slice(i, UniqueId.Length)) >= 0)
                return reader.Fail(PostcardError.NotCanonical, start + i);
        }
        ids = new IdSpan(start - entryStart, count);
        return true;
    }

    private static bool TryWalkTickets(ref PostcardReader reader, int count)
    {
        ReadOnlySpan<byte> previous = default;
        for (int i = 0; i < count; i++)
        {
            int start = reader.Position;
            if (!reader.TryReadRaw(UniqueId.Length, out ReadOnlySpan<byte> key))
                return false;
            if (reader.IsCanonical && i > 0 && previous.SequenceCompareTo(key) >= 0)
                return reader.Fail(PostcardError.NotCanonical, start);
            if (!reader.TryReadRaw(UniqueId.Length, out _) || !reader.TryReadBytes(out _))
                return false;
            previous = key;
        }
        return true;
    }

    /// <summary>Some 32-byte ids in a row.</summary>
    /// <param name="Start">Offset of the first.</param>
    /// <param name="Count">How many.</param>
    [StructLayout(LayoutKind.Auto)]
    internal readonly record struct IdSpan(int Start, int Count)
    {
        /// <summary>The bytes of one of them.</summary>
        public ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> entry, int index) =>
            entry.Slice(Start + (index * UniqueId.Length), UniqueId.Length);
    }
}
