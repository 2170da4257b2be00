using System.Collections.Immutable;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

// Operations that give a changed entry (spec/discovery.md §4.2). The version advances once per operation, and only if it
// changed something; on a free-standing entry it advances to max(update, now) + 1.
public sealed partial class PeerEntry
{
    /// <summary>Another way to reach the node. The version always advances.</summary>
    /// <param name="address">The address; its id must be the entry's.</param>
    /// <param name="now">The current time.</param>
    /// <returns>The changed entry.</returns>
    /// <exception cref="DiscoveryException">The id differs (<see cref="DiscoveryError.PeerIdChanged"/>).</exception>
    public PeerEntry WithAddress(EndpointAddress address, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.Id == Id
            ? Encode(Decode() with { Address = address, Version = Advanced(now) })
            : throw DiscoveryException.PeerIdChanged(Id, address.Id);
    }

    /// <summary>Adds roles.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="tags">The roles.</param>
    /// <returns>The changed entry, or this one if it has them all.</returns>
    public PeerEntry AddTags(DateTimeOffset now, params ReadOnlySpan<Tag> tags) =>
        Change(Tags, Union(Tags, tags), now, static (f, set) => f with { Tags = set });

    /// <summary>Removes roles.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="tags">The roles.</param>
    /// <returns>The changed entry, or this one if it has none of them.</returns>
    public PeerEntry RemoveTags(DateTimeOffset now, params ReadOnlySpan<Tag> tags) =>
        Change(Tags, Except(Tags, tags), now, static (f, set) => f with { Tags = set });

    /// <summary>Adds produced streams.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="streams">The streams.</param>
    /// <returns>The changed entry, or this one if it has them all.</returns>
    public PeerEntry AddStreams(DateTimeOffset now, params ReadOnlySpan<StreamId> streams) =>
        Change(Streams, Union(Streams, streams), now, static (f, set) => f with { Streams = set });

    /// <summary>Removes produced streams.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="streams">The streams.</param>
    /// <returns>The changed entry, or this one if it has none of them.</returns>
    public PeerEntry RemoveStreams(DateTimeOffset now, params ReadOnlySpan<StreamId> streams) =>
        Change(Streams, Except(Streams, streams), now, static (f, set) => f with { Streams = set });

    /// <summary>Adds groups.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="groups">The groups.</param>
    /// <returns>The changed entry, or this one if it has them all.</returns>
    public PeerEntry AddGroups(DateTimeOffset now, params ReadOnlySpan<GroupId> groups) =>
        Change(Groups, Union(Groups, groups), now, static (f, set) => f with { Groups = set });

    /// <summary>Removes groups.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="groups">The groups.</param>
    /// <returns>The changed entry, or this one if it has none of them.</returns>
    public PeerEntry RemoveGroups(DateTimeOffset now, params ReadOnlySpan<GroupId> groups) =>
        Change(Groups, Except(Groups, groups), now, static (f, set) => f with { Groups = set });

    /// <summary>Adds a ticket.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="ticket">The ticket.</param>
    /// <returns>The changed entry, or this one if it has a ticket of that id.</returns>
    public PeerEntry AddTicket(DateTimeOffset now, Ticket ticket)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        return Tickets.ContainsKey(ticket.Id) ? this : WithTickets(Tickets.Add(ticket.Id, ticket), now);
    }

    /// <summary>Removes a ticket.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="ticketId">The id of the ticket.</param>
    /// <returns>The changed entry, or this one if it has no such ticket.</returns>
    public PeerEntry RemoveTicket(DateTimeOffset now, UniqueId ticketId) =>
        Tickets.ContainsKey(ticketId) ? WithTickets(Tickets.Remove(ticketId), now) : this;

    /// <summary>Removes all tickets of a class.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="ticketClass">The class.</param>
    /// <returns>The changed entry, or this one if it has none of that class.</returns>
    public PeerEntry RemoveTicketsOf(DateTimeOffset now, TicketClass ticketClass)
    {
        ImmutableSortedDictionary<UniqueId, Ticket> remaining =
            Tickets.RemoveRange(TicketsOf(ticketClass).Select(static t => t.Id).ToArray());
        return remaining.Count == Tickets.Count ? this : WithTickets(remaining, now);
    }

    /// <summary>Puts a ticket in the place of all tickets of its class, as one change.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="ticket">The ticket.</param>
    /// <returns>The changed entry, or this one if it already is its only ticket of the class.</returns>
    public PeerEntry ReplaceTicket(DateTimeOffset now, Ticket ticket)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        Ticket[] old = [.. TicketsOf(ticket.Class)];
        if (old.Length == 1 && old[0].Equals(ticket))
            return this;
        return WithTickets(Tickets.RemoveRange(old.Select(static t => t.Id)).SetItem(ticket.Id, ticket), now);
    }

    private static ImmutableSortedSet<T> Union<T>(ImmutableSortedSet<T> set, ReadOnlySpan<T> items)
    {
        foreach (T item in items)
            set = set.Add(item);
        return set;
    }

    private static ImmutableSortedSet<T> Except<T>(ImmutableSortedSet<T> set, ReadOnlySpan<T> items)
    {
        foreach (T item in items)
            set = set.Remove(item);
        return set;
    }

    // Immutable sets return themselves when nothing changed.
    private PeerEntry Change<T>(
        ImmutableSortedSet<T> old, ImmutableSortedSet<T> changed, DateTimeOffset now, Func<Fields, ImmutableSortedSet<T>, Fields> put) =>
        ReferenceEquals(old, changed) ? this : Encode(put(Decode(), changed) with { Version = Advanced(now) });

    private PeerEntry WithTickets(ImmutableSortedDictionary<UniqueId, Ticket> tickets, DateTimeOffset now) =>
        Encode(Decode() with { Tickets = tickets, Version = Advanced(now) });

    private PeerVersion Advanced(DateTimeOffset now) => Version.Next(now.ToUnixTimeMilliseconds());
}
