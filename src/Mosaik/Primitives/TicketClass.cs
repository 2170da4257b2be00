namespace Mosaik.Primitives;

/// <summary>Says what a ticket is about: which validators look at it.</summary>
/// <remarks>
/// A <see cref="UniqueId"/> of its own type: it converts implicitly from text (the from-string rule) and to
/// <see cref="UniqueId"/>, and explicitly back (spec/wire.md §1.1).
/// </remarks>
public readonly partial record struct TicketClass;
