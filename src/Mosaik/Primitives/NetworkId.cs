namespace Mosaik.Primitives;

/// <summary>Names a network: nodes of different networks never meet.</summary>
/// <remarks>
/// A <see cref="UniqueId"/> of its own type: it converts implicitly from text (the from-string rule) and to
/// <see cref="UniqueId"/>, and explicitly back (spec/wire.md §1.1).
/// </remarks>
public readonly partial record struct NetworkId;
