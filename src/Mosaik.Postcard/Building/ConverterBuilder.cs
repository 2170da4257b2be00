using System.Collections.Frozen;
using System.Globalization;
using Mosaik.Postcard.Converters;
using PolyType;
using PolyType.Abstractions;

namespace Mosaik.Postcard.Building;

/// <summary>
/// Builds the converter tree of a type by walking its shape once. Everything that cannot be mapped is refused here,
/// with the way to it in the message, and never when a value is written or read.
/// </summary>
/// <remarks>
/// Order of precedence for each type: a converter given to the serializer, one named by
/// <see cref="PostcardConverterAttribute"/>, a built-in one, the shape.
/// </remarks>
internal sealed partial class ConverterBuilder(FrozenDictionary<Type, PostcardConverter> custom, ITypeShapeFunc self)
    : TypeShapeVisitor, ITypeShapeFunc
{
    private readonly Stack<string> _path = new();

    object? ITypeShapeFunc.Invoke<T>(ITypeShape<T> typeShape, object? state)
    {
        if (custom.TryGetValue(typeof(T), out var given))
            return given;
        if (typeShape.AttributeProvider.GetCustomAttribute<PostcardConverterAttribute>(inherit: false) is { } attribute)
        {
            return Activator.CreateInstance(attribute.ConverterType) as PostcardConverter<T>
                ?? throw Refuse<T>($"its converter {attribute.ConverterType} does not derive from PostcardConverter<{typeof(T).Name}>");
        }

        return BuiltInConverters.Find(typeof(T)) ?? typeShape.Accept(this);
    }

    public override object? VisitOptional<TOptional, TElement>(
        IOptionalTypeShape<TOptional, TElement> optionalShape, object? state = null) =>
        new OptionConverter<TOptional, TElement>(
            optionalShape.GetDeconstructor(),
            optionalShape.GetNoneConstructor(),
            optionalShape.GetSomeConstructor(),
            ConverterOf(optionalShape.ElementType));

    public override object? VisitSurrogate<T, TSurrogate>(
        ISurrogateTypeShape<T, TSurrogate> surrogateShape, object? state = null) =>
        new SurrogateConverter<T, TSurrogate>(surrogateShape.Marshaler, ConverterOf(surrogateShape.SurrogateType));

    public override object? VisitEnum<TEnum, TUnderlying>(
        IEnumTypeShape<TEnum, TUnderlying> enumShape, object? state = null)
    {
        var values = new HashSet<Int128>();
        foreach (var value in enumShape.Members.Values)
            values.Add(Int128.Parse(string.Create(CultureInfo.InvariantCulture, $"{value}"), CultureInfo.InvariantCulture));
        for (var expected = 0; expected < values.Count; expected++)
        {
            if (!values.Contains(expected))
                throw Refuse<TEnum>($"its values must be 0 to {values.Count - 1} without gaps, and {expected} is missing");
        }

        return new EnumConverter<TEnum>((uint)values.Count);
    }

    public override object? VisitUnion<TUnion>(IUnionTypeShape<TUnion> unionShape, object? state = null)
    {
        var cases = new UnionCase<TUnion>[unionShape.UnionCases.Count];
        var tags = new HashSet<int>();
        foreach (var unionCase in unionShape.UnionCases)
        {
            if (unionCase.Tag is < 0 or > MaxUnionTag || !tags.Add(unionCase.Tag))
                throw Refuse<TUnion>($"the tag {unionCase.Tag} of {unionCase.Name} is used twice or not within 0 to {MaxUnionTag}");
            cases[unionCase.Index] = (UnionCase<TUnion>)unionCase.Accept(this)!; // VisitUnionCase returns one
        }

        return new UnionConverter<TUnion>(unionShape.GetGetUnionCaseIndex(), cases);
    }

    public override object? VisitUnionCase<TUnionCase, TUnion>(
        IUnionCaseShape<TUnionCase, TUnion> unionCaseShape, object? state = null)
    {
        // A union that is its own variant has the same type for both; its fields are then those of its plain shape.
        var converter = typeof(TUnionCase) == typeof(TUnion)
            ? (PostcardConverter<TUnionCase>)unionCaseShape.UnionCaseType.Accept(this)! // the builder returns converters
            : ConverterOf(unionCaseShape.UnionCaseType);
        return new UnionCase<TUnionCase, TUnion>(unionCaseShape.Tag, unionCaseShape.Marshaler, converter);
    }

    public override object? VisitFunction<TFunction, TArgumentState, TResult>(
        IFunctionTypeShape<TFunction, TArgumentState, TResult> functionShape, object? state = null) =>
        throw Refuse<TFunction>("delegates have no postcard image");

    private const int MaxUnionTag = ushort.MaxValue;

    private PostcardConverter<T> ConverterOf<T>(ITypeShape<T> shape) =>
        (PostcardConverter<T>)self.Invoke(shape, this)!; // the cache and the builder only hold converters of T for T

    private NotSupportedException Refuse<T>(string reason)
    {
        var place = _path.Count == 0 ? "" : $" (reached through {string.Join(" → ", _path.Reverse())})";
        return new NotSupportedException(
            $"{typeof(T)} cannot be encoded as postcard{place}: {reason}. Register a PostcardConverter for the type or name "
            + "one with PostcardConverterAttribute.");
    }
}
