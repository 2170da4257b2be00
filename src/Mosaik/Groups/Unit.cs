using System.Diagnostics.CodeAnalysis;
using PolyType;

namespace Mosaik.Groups;

/// <summary>Nothing, as a type: what a group without commands, queries or results uses in their place. Zero bytes on the wire.</summary>
[GenerateShape]
[SuppressMessage("Design", "CA1815", Justification = "all values are equal")]
public readonly partial record struct Unit
{
    /// <inheritdoc/>
    public override string ToString() => "()";
}
