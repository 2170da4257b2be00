namespace Mosaik.Primitives;

/// <summary>A role label that a node puts on itself.</summary>
/// <remarks>
/// A <see cref="UniqueId"/> of its own type: it converts implicitly from text (the from-string rule) and to
/// <see cref="UniqueId"/>, and explicitly back (spec/wire.md §1.1).
/// </remarks>
public readonly partial record struct Tag;
