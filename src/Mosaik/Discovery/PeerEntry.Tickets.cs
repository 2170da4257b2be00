using Mosaik.Primitives;

namespace Mosaik.Discovery;

// Reading tickets (spec/discovery.md §4.1).
public sealed partial class PeerEntry
{
    /// <summary>The tickets of a class, ascending by id.</summary>
    /// <param name="ticketClass">The class.</param>
    /// <returns>The tickets.</returns>
    public IEnumerable<Ticket> TicketsOf(TicketClass ticketClass) => Tickets.Values.Where(t => t.Class == ticketClass);

    /// <summary>The tickets of a class that a predicate accepts.</summary>
    /// <param name="ticketClass">The class.</param>
    /// <param name="predicate">Judges the data of a ticket.</param>
    /// <returns>The tickets.</returns>
    public IEnumerable<Ticket> ValidTickets(TicketClass ticketClass, Func<ReadOnlyMemory<byte>, bool> predicate) =>
        TicketsOf(ticketClass).Where(t => predicate(t.Data));

    /// <summary>Whether a predicate accepts some ticket of a class.</summary>
    /// <param name="ticketClass">The class.</param>
    /// <param name="predicate">Judges the data of a ticket.</param>
    /// <returns>True if one is accepted.</returns>
    public bool HasValidTicket(TicketClass ticketClass, Func<ReadOnlyMemory<byte>, bool> predicate) =>
        ValidTickets(ticketClass, predicate).Any();

    /// <summary>The latest expiration among the tickets that a validator accepts and that have not expired.</summary>
    /// <param name="validator">The validator.</param>
    /// <param name="now">The current time.</param>
    /// <param name="expiration">The latest expiration.</param>
    /// <returns>False if it accepts none.</returns>
    public bool ValidateTicket(ITicketValidator validator, DateTimeOffset now, out Expiration expiration)
    {
        ArgumentNullException.ThrowIfNull(validator);
        expiration = default;
        bool found = false;
        foreach (Ticket ticket in TicketsOf(validator.Class))
        {
            if (!validator.TryValidate(ticket.Data.Span, this, out Expiration one) || one.IsExpired(now))
                continue;
            expiration = !found || one > expiration ? one : expiration;
            found = true;
        }
        return found;
    }

    /// <summary>The earliest of the validators' results; every validator must accept a ticket.</summary>
    /// <param name="validators">The validators; none of them is no restriction and never expires.</param>
    /// <param name="now">The current time.</param>
    /// <param name="expiration">The earliest result.</param>
    /// <returns>False if one of them accepts no ticket.</returns>
    public bool ValidateTickets(IEnumerable<ITicketValidator> validators, DateTimeOffset now, out Expiration expiration)
    {
        ArgumentNullException.ThrowIfNull(validators);
        expiration = Expiration.Never;
        foreach (ITicketValidator validator in validators)
        {
            if (!ValidateTicket(validator, now, out Expiration one))
                return false;
            expiration = one < expiration ? one : expiration;
        }
        return true;
    }
}
