using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using Mosaik.Postcard;

namespace Mosaik.Primitives;

/// <summary>
/// Names of types written the Rust way, from which default stream ids are derived (spec/wire.md §2). The first rule
/// wins:
/// <see cref="WireNameAttribute"/>; the table of built-in types; <c>Namespace::Type&lt;Args&gt;</c>.
/// </summary>
/// <remarks>
/// Never the assembly name, never annotations of nullable references. Pure: the same type always has the same name.
/// </remarks>
public static class WireNames
{
    private static readonly FrozenDictionary<Type, string> Simple = new Dictionary<Type, string>
    {
        [typeof(bool)] = "bool",
        [typeof(byte)] = "u8",
        [typeof(ushort)] = "u16",
        [typeof(uint)] = "u32",
        [typeof(ulong)] = "u64",
        [typeof(UInt128)] = "u128",
        [typeof(nuint)] = "usize",
        [typeof(sbyte)] = "i8",
        [typeof(short)] = "i16",
        [typeof(int)] = "i32",
        [typeof(long)] = "i64",
        [typeof(Int128)] = "i128",
        [typeof(nint)] = "isize",
        [typeof(float)] = "f32",
        [typeof(double)] = "f64",
        [typeof(Rune)] = "char",
        [typeof(string)] = "alloc::string::String",
        [typeof(TimeSpan)] = "core::time::Duration",
        [typeof(IPAddress)] = "core::net::ip_addr::IpAddr",
        [typeof(IPEndPoint)] = "core::net::socket_addr::SocketAddr",
        [typeof(UniqueId)] = "mosaik::primitives::id::Digest",
        [typeof(NetworkId)] = "mosaik::primitives::id::Digest",
        [typeof(StreamId)] = "mosaik::primitives::id::Digest",
        [typeof(GroupId)] = "mosaik::primitives::id::Digest",
        [typeof(StoreId)] = "mosaik::primitives::id::Digest",
        [typeof(Tag)] = "mosaik::primitives::id::Digest",
        [typeof(PeerId)] = "iroh_base::key::PublicKey",
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<Type, string> Generic = new Dictionary<Type, string>
    {
        [typeof(List<>)] = "alloc::vec::Vec",
        [typeof(IReadOnlyList<>)] = "alloc::vec::Vec",
        [typeof(ImmutableArray<>)] = "alloc::vec::Vec",
        [typeof(ImmutableList<>)] = "alloc::vec::Vec",
        [typeof(Memory<>)] = "alloc::vec::Vec",
        [typeof(ReadOnlyMemory<>)] = "alloc::vec::Vec",
        [typeof(Nullable<>)] = "core::option::Option",
        [typeof(Optional<>)] = "core::option::Option",
        [typeof(Dictionary<,>)] = "std::collections::hash::map::HashMap",
        [typeof(IReadOnlyDictionary<,>)] = "std::collections::hash::map::HashMap",
        [typeof(ImmutableDictionary<,>)] = "std::collections::hash::map::HashMap",
        [typeof(FrozenDictionary<,>)] = "std::collections::hash::map::HashMap",
        [typeof(HashSet<>)] = "std::collections::hash::set::HashSet",
        [typeof(IReadOnlySet<>)] = "std::collections::hash::set::HashSet",
        [typeof(ImmutableHashSet<>)] = "std::collections::hash::set::HashSet",
        [typeof(FrozenSet<>)] = "std::collections::hash::set::HashSet",
        [typeof(SortedDictionary<,>)] = "alloc::collections::btree::map::BTreeMap",
        [typeof(ImmutableSortedDictionary<,>)] = "alloc::collections::btree::map::BTreeMap",
        [typeof(SortedSet<>)] = "alloc::collections::btree::set::BTreeSet",
        [typeof(ImmutableSortedSet<>)] = "alloc::collections::btree::set::BTreeSet",
    }.ToFrozenDictionary();

    /// <summary>The wire name of a type.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <returns>The name.</returns>
    /// <exception cref="NotSupportedException">The type (or an argument of it) cannot have one, such as
    /// <c>char</c>.</exception>
    public static string Of<T>() => Of(typeof(T));

    /// <summary>The wire name of a type.</summary>
    /// <param name="type">The type; not an open generic one.</param>
    /// <returns>The name.</returns>
    /// <exception cref="NotSupportedException">The type (or an argument of it) cannot have one, such as
    /// <c>char</c>.</exception>
    public static string Of(Type type) => Of(type, derived: null);

    /// <summary>
    /// The wire name; adds to <paramref name="derived"/> every type in it that was named by its CLR name (rule 3).
    /// </summary>
    internal static string Of(Type type, ICollection<Type>? derived)
    {
        ArgumentNullException.ThrowIfNull(type);
        var name = new StringBuilder();
        Append(name, type, derived);
        return name.ToString();
    }

    private static void Append(StringBuilder name, Type type, ICollection<Type>? derived)
    {
        if (type == typeof(char))
            throw new NotSupportedException("System.Char has no wire name: it is 16 bits wide. Use System.Text.Rune.");
        if (type.IsByRef || type.IsPointer || type.IsFunctionPointer || type.ContainsGenericParameters || type == typeof(void))
            throw new NotSupportedException($"{type} has no wire name.");
        Type? definition = type.IsGenericType ? type.GetGenericTypeDefinition() : null;
        Type[] arguments = type.GetGenericArguments();

        if (type.GetCustomAttribute<WireNameAttribute>(inherit: false) is { } explicitName)
            AppendGeneric(name, explicitName.Name, arguments, derived);
        else if (Simple.TryGetValue(type, out string? simple))
            name.Append(simple);
        else if (definition is not null && Generic.TryGetValue(definition, out string? generic))
            AppendGeneric(name, generic, arguments, derived);
        else if (type.IsArray)
            AppendArray(name, type, derived);
        else if (typeof(ITuple).IsAssignableFrom(type) && IsTuple(definition ?? type))
            AppendTuple(name, type, derived);
        else if (type.GetCustomAttribute<InlineArrayAttribute>() is { } inline)
            AppendInlineArray(name, type, inline.Length, derived);
        else
            AppendDerived(name, type, arguments, derived);
    }

    private static void AppendGeneric(StringBuilder name, string own, Type[] arguments, ICollection<Type>? derived)
    {
        name.Append(own);
        if (arguments.Length == 0)
            return;
        name.Append('<');
        for (int i = 0; i < arguments.Length; i++)
        {
            if (i > 0)
                name.Append(", ");
            Append(name, arguments[i], derived);
        }
        name.Append('>');
    }

    private static void AppendArray(StringBuilder name, Type type, ICollection<Type>? derived)
    {
        if (!type.IsSZArray)
            throw new NotSupportedException($"{type} has no wire name: only one-dimensional arrays have.");
        AppendGeneric(name, "alloc::vec::Vec", [type.GetElementType()!], derived); // an array has an element type
    }

    private static bool IsTuple(Type definition) =>
        definition.Namespace == "System"
        && (definition.Name.StartsWith("ValueTuple", StringComparison.Ordinal)
            || definition.Name.StartsWith("Tuple", StringComparison.Ordinal));

    private static void AppendTuple(StringBuilder name, Type type, ICollection<Type>? derived)
    {
        var elements = new List<Type>();
        Flatten(type, elements);
        name.Append('(');
        for (int i = 0; i < elements.Count; i++)
        {
            if (i > 0)
                name.Append(", ");
            Append(name, elements[i], derived);
        }
        name.Append(elements.Count == 1 ? ",)" : ")");
    }

    /// <summary>The eighth argument of a long tuple is a tuple with the rest.</summary>
    private static void Flatten(Type tuple, List<Type> elements)
    {
        Type[] arguments = tuple.GetGenericArguments();
        bool hasRest = arguments.Length == 8;
        elements.AddRange(hasRest ? arguments.AsSpan(0, 7) : arguments);
        if (hasRest)
            Flatten(arguments[7], elements);
    }

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification =
        "The single instance field of an inline array makes up its layout; without metadata the name is refused below.")]
    private static void AppendInlineArray(StringBuilder name, Type type, int length, ICollection<Type>? derived)
    {
        FieldInfo[] fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        if (fields.Length != 1)
            throw new NotSupportedException($"The element type of {type} is not known at run time; give it a [WireName].");
        name.Append('[');
        Append(name, fields[0].FieldType, derived);
        name.Append("; ").Append(length).Append(']');
    }

    private static void AppendDerived(StringBuilder name, Type type, Type[] arguments, ICollection<Type>? derived)
    {
        derived?.Add(type);
        var own = new StringBuilder();
        if (!string.IsNullOrEmpty(type.Namespace))
            own.Append(type.Namespace).Replace(".", "::").Append("::");
        AppendEnclosing(own, type);
        AppendGeneric(name, own.ToString(), arguments, derived);
    }

    private static void AppendEnclosing(StringBuilder name, Type type)
    {
        if (type.DeclaringType is { } outer)
        {
            AppendEnclosing(name, outer);
            name.Append("::");
        }
        int arity = type.Name.IndexOf('`', StringComparison.Ordinal);
        name.Append(arity < 0 ? type.Name : type.Name.AsSpan(0, arity));
    }
}
