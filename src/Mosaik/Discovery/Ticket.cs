using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// Something a node shows to be let in: a class that says which validators look at it, and opaque data. Part of the
/// node's
/// entry, hence public and unencrypted.
/// </summary>
public sealed class Ticket : IEquatable<Ticket>
{
    private const int ShownBytes = 8;

    /// <summary>Creates a ticket.</summary>
    /// <param name="ticketClass">Which validators look at it.</param>
    /// <param name="data">The content; copied.</param>
    public Ticket(TicketClass ticketClass, ReadOnlySpan<byte> data)
        : this(ticketClass.Derive(data), ticketClass, data.ToArray())
    {
    }

    private Ticket(UniqueId id, TicketClass ticketClass, ReadOnlyMemory<byte> data)
    {
        Id = id;
        Class = ticketClass;
        Data = data;
    }

    /// <summary>H(class ‖ data); in a received entry the key under which its owner filed it.</summary>
    public UniqueId Id { get; }

    /// <summary>Which validators look at it.</summary>
    public TicketClass Class { get; }

    /// <summary>The content.</summary>
    public ReadOnlyMemory<byte> Data { get; }

    /// <summary>
    /// A ticket of a received entry: the key is taken as it is, as Rust does (spec/discovery.md §2.1).
    /// </summary>
    internal static Ticket AsStored(UniqueId id, TicketClass ticketClass, ReadOnlyMemory<byte> data) =>
        new(id, ticketClass, data);

    /// <inheritdoc/>
    public bool Equals(Ticket? other) =>
        other is not null && Id == other.Id && Class == other.Class && Data.Span.SequenceEqual(other.Data.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Ticket);

    /// <inheritdoc/>
    public override int GetHashCode() => Id.GetHashCode();

    /// <summary>The class, the size and the first bytes; never the whole content.</summary>
    /// <returns>The text.</returns>
    public override string ToString()
    {
        string start = Convert.ToHexStringLower(Data.Span[..Math.Min(ShownBytes, Data.Length)]);
        return $"{Class:S} {Data.Length} B {start}{(Data.Length > ShownBytes ? ".." : "")}";
    }
}
