namespace Mosaik.Primitives;

/// <summary>Names a consensus group.</summary>
/// <remarks>
/// A <see cref="UniqueId"/> of its own type: it converts implicitly from text (the from-string rule) and to
/// <see cref="UniqueId"/>, and explicitly back (spec/wire.md §1.1).
/// </remarks>
public readonly partial record struct GroupId;
