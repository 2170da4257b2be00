using System.Buffers.Binary;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Simulation.Streams;

/// <summary>What producers may ask of consumers: a tag, or a ticket that says until when it holds.</summary>
internal sealed class Welcome(TimeProvider time) : ITicketValidator
{
    /// <summary>The tag of those who are accepted where a tag is asked for.</summary>
    public static readonly Tag Tag = "welcome";

    private static readonly TicketClass Pass = "pass";

    public TicketClass Class => Pass;

    public UniqueId Signature => UniqueId.Hash("pass"u8);

    /// <summary>A ticket that holds for a while, or for ever.</summary>
    public Ticket Issue(TimeSpan? duration)
    {
        DateTimeOffset end = duration is { } left ? time.GetUtcNow() + left : DateTimeOffset.MaxValue;
        var data = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(data, end.UtcTicks);
        return new Ticket(Pass, data);
    }

    /// <summary>Whether an entry shows what a plan asks for, now.</summary>
    public bool IsShownBy(PeerEntry entry, StreamsPlan plan) =>
        (!plan.RequiresTag || entry.Tags.Contains(Tag))
        && (!plan.RequiresTicket || entry.Tickets.Values.Any(ticket => TryValidate(ticket.Data.Span, entry, out _)));

    public bool TryValidate(ReadOnlySpan<byte> ticket, PeerEntry peer, out Expiration expiration)
    {
        var end = new DateTimeOffset(BinaryPrimitives.ReadInt64LittleEndian(ticket), TimeSpan.Zero);
        expiration = end == DateTimeOffset.MaxValue ? Expiration.Never : Expiration.At(end);
        return !expiration.IsExpired(time.GetUtcNow());
    }
}
