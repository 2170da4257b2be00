using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Postcard;

/// <summary>Names the converter of a type (a custom datum, spec/wire.md §3.2).</summary>
/// <param name="converterType">A <see cref="PostcardConverter{T}"/> of the type, with a public parameterless
/// constructor.</param>
[AttributeUsage(
    AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Interface | AttributeTargets.Enum,
    Inherited = false)]
public sealed class PostcardConverterAttribute(
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] Type converterType)
    : Attribute
{
    /// <summary>The converter's type.</summary>
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)]
    public Type ConverterType { get; } = converterType;
}
