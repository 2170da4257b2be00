using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>Decides whether a ticket is good. Synchronous, without I/O, thread-safe.</summary>
public interface ITicketValidator
{
    /// <summary>Which tickets it looks at.</summary>
    TicketClass Class { get; }

    /// <summary>Identity of the validator's type <b>and</b> configuration; enters the ids of groups.</summary>
    UniqueId Signature { get; }

    /// <summary>Judges one ticket.</summary>
    /// <param name="ticket">The ticket's data, from a stranger.</param>
    /// <param name="peer">The entry that carries it.</param>
    /// <param name="expiration">Until when it is good.</param>
    /// <returns>Whether it is good now.</returns>
    bool TryValidate(ReadOnlySpan<byte> ticket, PeerEntry peer, out Expiration expiration);
}
