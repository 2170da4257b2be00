using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// A node's own entry cannot take the ticket: too many of them, or too much data (spec/tickets-tee.md §2.4).
/// </summary>
public sealed class TicketLimitException : MosaikException
{
    internal TicketLimitException(int count, long bytes)
        : base($"An entry takes at most {LocalEntry.MaxTickets} tickets with {LocalEntry.MaxTicketBytes} bytes of data; " +
            $"this would make {count} with {bytes}.")
    {
    }
}
