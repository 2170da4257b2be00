using System.Collections.Immutable;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

// Encoding and decoding of the fields (spec/discovery.md §2.1). Entries are only ever made canonical (spec/wire.md §3.5).
public sealed partial class PeerEntry
{
    /// <summary>Encodes fields into a new entry.</summary>
    private static PeerEntry Encode(Fields fields)
    {
        foreach (string relay in fields.Address.Relays)
        {
            if (!RelayUrl.IsCanonical(relay))
                throw new ArgumentException($"A relay URL in an entry must be canonical: {relay}", nameof(fields));
        }
        var writer = new PostcardWriter(stackalloc byte[1024]);
        try
        {
            writer.WriteString(fields.Protocol);
            writer.WriteRaw(fields.Network.AsSpan());
            fields.Version.Write(ref writer);
            fields.Address.Write(ref writer);
            writer.WriteCount(fields.Tags.Count);
            foreach (Tag tag in fields.Tags)
                writer.WriteRaw(tag.AsSpan());
            writer.WriteCount(fields.Streams.Count);
            foreach (StreamId stream in fields.Streams)
                writer.WriteRaw(stream.AsSpan());
            writer.WriteCount(fields.Groups.Count);
            foreach (GroupId group in fields.Groups)
                writer.WriteRaw(group.AsSpan());
            WriteTickets(ref writer, fields.Tickets);
            return OfCanonical(writer.Written.ToArray());
        }
        finally
        {
            writer.Dispose();
        }
    }

    internal static void WriteTickets(ref PostcardWriter writer, ImmutableSortedDictionary<UniqueId, Ticket> tickets)
    {
        writer.WriteCount(tickets.Count);
        foreach ((UniqueId key, Ticket ticket) in tickets)
        {
            writer.WriteRaw(key.AsSpan());
            writer.WriteRaw(ticket.Class.AsSpan());
            writer.WriteBytes(ticket.Data.Span);
        }
    }

    private static PeerEntry OfCanonical(byte[] bytes)
    {
        var reader = new PostcardReader(bytes, PostcardForm.Canonical);
        return PeerEntryLayout.TryRead(ref reader, out PeerEntryLayout layout) && reader.TryReadEnd()
            ? new PeerEntry(bytes, layout)
            : throw new InvalidOperationException($"An entry was encoded in a form that is not canonical: {reader.Error}.");
    }

    /// <summary>The same content under another version.</summary>
    internal PeerEntry WithVersion(PeerVersion version)
    {
        ReadOnlySpan<byte> bytes = _bytes.Span;
        var writer = new PostcardWriter(stackalloc byte[1024]);
        try
        {
            writer.WriteRaw(bytes[.._layout.VersionStart]);
            version.Write(ref writer);
            writer.WriteRaw(bytes[_layout.AddressStart..]);
            return OfCanonical(writer.Written.ToArray());
        }
        finally
        {
            writer.Dispose();
        }
    }

    private Fields Decode() => new(ProtocolVersion, NetworkId, Version, Address, Tags, Streams, Groups, Tickets);

    private EndpointAddress DecodeAddress()
    {
        var reader = new PostcardReader(_bytes.Span[_layout.AddressStart..]);
        reader.TryReadRaw(PeerId.Length, out _);
        var addresses = new List<TransportAddress>();
        // Cannot fail: the bytes have been walked in canonical form, in which every relay is a URL.
        EndpointAddress.TryWalk(ref reader, addresses);
        return new EndpointAddress(Id, addresses);
    }

    private ImmutableSortedSet<T> DecodeIds<T>(PeerEntryLayout.IdSpan ids, FromRaw<T> fromRaw)
    {
        if (ids.Count == 0)
            return ImmutableSortedSet<T>.Empty;
        var set = ImmutableSortedSet.CreateBuilder<T>();
        for (int i = 0; i < ids.Count; i++)
            set.Add(fromRaw(ids.Slice(_bytes.Span, i)));
        return set.ToImmutable();
    }

    private ImmutableSortedDictionary<UniqueId, Ticket> DecodeTickets()
    {
        var tickets = ImmutableSortedDictionary.CreateBuilder<UniqueId, Ticket>();
        int at = _layout.TicketsStart;
        for (int i = 0; i < _layout.TicketCount; i++)
        {
            var reader = new PostcardReader(_bytes.Span[at..]);
            reader.TryReadRaw(UniqueId.Length, out ReadOnlySpan<byte> key);
            reader.TryReadRaw(UniqueId.Length, out ReadOnlySpan<byte> ticketClass);
            reader.TryReadBytes(out ReadOnlySpan<byte> data);
            var id = UniqueId.FromRaw(key);
            int end = at + reader.Position;
            tickets[id] = Ticket.AsStored(id, TicketClass.FromRaw(ticketClass), _bytes[(end - data.Length)..end]);
            at = end;
        }
        return tickets.ToImmutable();
    }

    private delegate T FromRaw<out T>(ReadOnlySpan<byte> raw);

    /// <summary>The fields as objects, for changing some of them.</summary>
    private sealed record Fields(
        string Protocol,
        NetworkId Network,
        PeerVersion Version,
        EndpointAddress Address,
        ImmutableSortedSet<Tag> Tags,
        ImmutableSortedSet<StreamId> Streams,
        ImmutableSortedSet<GroupId> Groups,
        ImmutableSortedDictionary<UniqueId, Ticket> Tickets);
}
