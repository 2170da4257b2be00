using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Reflection;
using Mosaik.Postcard.Converters;
using PolyType;
using PolyType.Abstractions;

namespace Mosaik.Postcard.Building;

internal sealed partial class ConverterBuilder
{
    // What is on the wire of an object: every property or field that can be set, by a constructor parameter of the same
    // name and type, an initializer or a setter. A computed property is not. Order: ascending PropertyShape.Order where
    // one is set; otherwise the parameters of a positional record, then the declaration.
    public override object? VisitObject<T>(IObjectTypeShape<T> objectShape, object? state = null)
    {
        if (typeof(T).IsGenericType && typeof(T).GetGenericTypeDefinition() == typeof(Optional<>))
            return objectShape.Properties.Single(p => p.Name == nameof(Optional<int>.Value)).Accept(this, OptionalValue);
        if (IsUnmapped(typeof(T)))
            throw Refuse<T>("the type is not mapped");
        if (objectShape.Constructor is not { } constructor)
            throw Refuse<T>("it has no accessible constructor, and no declared variants");

        var parameters = constructor.Parameters;
        var members = new List<WireMember>();
        foreach (var parameter in parameters.Where(p => p.Kind == ParameterKind.MethodParameter))
        {
            var property = FindProperty(objectShape, parameter)
                ?? throw Refuse<T>($"no readable property or field matches the constructor parameter '{parameter.Name}'");
            members.Add(new WireMember(property, parameter));
        }

        foreach (var property in objectShape.Properties)
        {
            if (members.Exists(m => m.Property == property))
                continue;
            var initializer = parameters.FirstOrDefault(
                p => p.Kind == ParameterKind.MemberInitializer && p.Name == property.Name);
            if (initializer is null && !property.HasSetter)
                continue;
            if (!property.HasGetter)
                throw Refuse<T>($"the member '{property.Name}' can be set but not read");
            if (initializer is null && parameters.Count > 0)
                throw Refuse<T>($"the member '{property.Name}' cannot be set while the object is constructed");
            members.Add(new WireMember(property, initializer));
        }

        if (!objectShape.IsRecordType && !objectShape.IsTupleType || HasExplicitOrder(objectShape))
        {
            var positions = objectShape.Properties.Select((p, i) => (p, i)).ToDictionary(x => x.p, x => x.i);
            members = [.. members.OrderBy(m => positions[m.Property])];
        }

        return constructor.Accept(this, members);
    }

    public override object? VisitConstructor<TDeclaringType, TArgumentState>(
        IConstructorShape<TDeclaringType, TArgumentState> constructorShape, object? state = null)
    {
        var members = (List<WireMember>)state!; // given by VisitObject
        var writers = new MemberWriter<TDeclaringType>[members.Count];
        var readers = new object[members.Count];
        for (var i = 0; i < members.Count; i++)
        {
            _path.Push($"{typeof(TDeclaringType).Name}.{members[i].Property.Name}");
            (writers[i], readers[i]) = ((MemberWriter<TDeclaringType>, object))members[i].Property.Accept(this, members[i])!; // VisitProperty returns the pair
            _path.Pop();
        }

        return constructorShape.Parameters.Count == 0
            ? new MutableObjectConverter<TDeclaringType>(
                constructorShape.GetDefaultConstructor(),
                writers,
                Array.ConvertAll(readers, static r => (MemberReader<TDeclaringType>)r))
            : new ConstructedObjectConverter<TDeclaringType, TArgumentState>(
                constructorShape.GetArgumentStateConstructor(),
                constructorShape.GetParameterizedConstructor(),
                writers,
                Array.ConvertAll(readers, static r => (MemberReader<TArgumentState>)r));
    }

    public override object? VisitProperty<TDeclaringType, TPropertyType>(
        IPropertyShape<TDeclaringType, TPropertyType> propertyShape, object? state = null)
    {
        var converter = ConverterOf(propertyShape.PropertyType);
        if (ReferenceEquals(state, OptionalValue))
            return new OptionalConverter<TPropertyType>(converter);

        var member = (WireMember)state!; // given by VisitConstructor
        var isOption = IsOption(propertyShape);
        var getter = propertyShape.GetGetter();
        var writer = isOption
            ? new NullableMemberWriter<TDeclaringType, TPropertyType>(getter, converter)
            : converter.CreateMemberWriter(getter);
        var reader = member.Parameter is { } parameter
            ? parameter.Accept(this, isOption)! // VisitParameter returns a reader
            : CreateReader(propertyShape.GetSetter(), converter, isOption);
        return (writer, reader);
    }

    public override object? VisitParameter<TArgumentState, TParameterType>(
        IParameterShape<TArgumentState, TParameterType> parameterShape, object? state = null) =>
        CreateReader(
            parameterShape.GetSetter(), ConverterOf(parameterShape.ParameterType), isOption: state is true);

    private static readonly object OptionalValue = new();

    private sealed record WireMember(IPropertyShape Property, IParameterShape? Parameter);

    private static object CreateReader<TOwner, T>(Setter<TOwner, T> setter, PostcardConverter<T> converter, bool isOption) =>
        isOption
            ? new NullableMemberReader<TOwner, T>(setter, converter)
            : converter.CreateMemberReader(setter);

    private static IPropertyShape? FindProperty(IObjectTypeShape shape, IParameterShape parameter) =>
        MatchProperty(shape, parameter, StringComparison.Ordinal)
        ?? MatchProperty(shape, parameter, StringComparison.OrdinalIgnoreCase);

    private static IPropertyShape? MatchProperty(
        IObjectTypeShape shape, IParameterShape parameter, StringComparison comparison) =>
        shape.Properties.FirstOrDefault(p => p.HasGetter
            && p.PropertyType.Type == parameter.ParameterType.Type
            && string.Equals(p.Name, parameter.Name, comparison));

    // Annotations of type arguments are not part of a runtime type, and shape providers disagree on those of type
    // parameters. So the elements of a tuple, and members declared as T (or T?) of a generic type, are never options.
    private static bool IsOption(IPropertyShape property) =>
        !property.PropertyType.Type.IsValueType
        && !property.IsGetterNonNullable
        && !property.DeclaringType.IsTupleType
        && !IsOfTypeParameter(property);

    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification =
        "The shape refers to the member, so the trimmer keeps it in the definition as well.")]
    private static bool IsOfTypeParameter(IPropertyShape property)
    {
        if (property.MemberInfo is not { DeclaringType: { IsGenericType: true } closed } member)
            return false;
        var definition = closed.GetGenericTypeDefinition().GetMemberWithSameMetadataDefinitionAs(member);
        return (definition is PropertyInfo p ? p.PropertyType : ((FieldInfo)definition).FieldType).IsGenericParameter;
    }

    private static bool HasExplicitOrder(IObjectTypeShape shape) =>
        shape.Properties.Any(static p =>
            p.AttributeProvider.GetCustomAttribute<PropertyShapeAttribute>(inherit: true) is { Order: not 0 });

    // Simple types the shape provider knows but postcard does not; their shapes are empty objects.
    private static bool IsUnmapped(Type type) =>
        type == typeof(object) || type == typeof(char) || type == typeof(decimal) || type == typeof(Half)
        || type == typeof(Guid) || type == typeof(DateOnly) || type == typeof(TimeOnly) || type == typeof(BigInteger)
        || type == typeof(Uri) || type == typeof(Version) || type.IsPointer || type.IsAssignableTo(typeof(Delegate))
        || type.IsAssignableTo(typeof(Exception)) || type.IsAssignableTo(typeof(System.Reflection.MemberInfo));
}
