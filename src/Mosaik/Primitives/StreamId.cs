namespace Mosaik.Primitives;

/// <summary>Names a stream of data.</summary>
/// <remarks>
/// A <see cref="UniqueId"/> of its own type: it converts implicitly from text (the from-string rule) and to
/// <see cref="UniqueId"/>, and explicitly back (spec/wire.md §1.1).
/// </remarks>
public readonly partial record struct StreamId
{
    /// <summary>The default id of a stream of this type: the from-string rule applied to its wire name.</summary>
    /// <typeparam name="T">The type of the data. Without a <see cref="WireNameAttribute"/> its id changes with its
    /// name.</typeparam>
    /// <returns>The id.</returns>
    public static StreamId Of<T>() => From(WireNames.Of<T>());
}
