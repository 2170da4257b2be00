namespace Mosaik.Primitives;

/// <summary>
/// The name under which a type is known on the wire, written the Rust way: <c>my_crate::PriceUpdate</c>. Default stream
/// ids
/// are derived from it. Recommended for every type that is shared between programs: without it, renaming or moving the
/// type
/// changes the ids derived from it (spec/wire.md §2).
/// </summary>
/// <param name="name">The name; for a generic type without the arguments, which are appended in angle brackets.</param>
[AttributeUsage(
    AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Enum | AttributeTargets.Interface, Inherited = false)]
public sealed class WireNameAttribute(string name) : Attribute
{
    /// <summary>The name.</summary>
    public string Name { get; } = name;
}
