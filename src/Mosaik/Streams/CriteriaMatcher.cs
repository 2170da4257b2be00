using System.Diagnostics.CodeAnalysis;
using Mosaik.Postcard;
using PolyType.Abstractions;

namespace Mosaik.Streams;

/// <summary>What became of criteria that were prepared for a type of datum.</summary>
internal enum CriteriaOutcome
{
    /// <summary>They can be evaluated.</summary>
    Prepared,

    /// <summary>The datum has no such member, or one that cannot be compared like that.</summary>
    Unsupported,

    /// <summary>A value is not one of the member's type.</summary>
    Malformed,
}

/// <summary>Criteria prepared for a type of datum. Immutable and thread-safe.</summary>
internal sealed class CriteriaMatcher<T>
{
    private readonly MemberMatcher<T>[] _members;

    private CriteriaMatcher(Criteria criteria, MemberMatcher<T>[] members) => (Criteria, _members) = (criteria, members);

    /// <summary>What was prepared.</summary>
    public Criteria Criteria { get; }

    /// <summary>Prepares criteria; they are not empty.</summary>
    /// <param name="criteria">The criteria, perhaps from a stranger.</param>
    /// <param name="matcher">The result when they can be evaluated.</param>
    /// <param name="problem">Otherwise why not, to be read after "the criteria".</param>
    public static CriteriaOutcome TryPrepare(
        Criteria criteria, [NotNullWhen(true)] out CriteriaMatcher<T>? matcher, out string problem)
    {
        matcher = null;
        problem = "";
        var members = new MemberMatcher<T>[criteria.Conditions.Length];
        for (var i = 0; i < members.Length; i++)
        {
            var preparation = new CriterionPreparation<T>(criteria.Conditions[i]);
            preparation.Run();
            if (preparation.Matcher is not { } member)
            {
                problem = preparation.Problem;
                return preparation.Outcome;
            }

            members[i] = member;
        }

        matcher = new CriteriaMatcher<T>(criteria, members);
        return CriteriaOutcome.Prepared;
    }

    /// <summary>Whether all conditions hold; a member that cannot be read does not match.</summary>
    public bool Matches(T datum)
    {
        try
        {
            foreach (var member in _members)
                if (!member.Matches(ref datum))
                    return false;
            return true;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // A property, which is user code, must not fail the sender for the criteria of a consumer.
            return false;
        }
    }
}

/// <summary>Finds the member of one criterion and makes its matcher.</summary>
internal sealed class CriterionPreparation<T>(Criterion criterion) : TypeShapeVisitor
{
    /// <summary>The matcher, if it could be made.</summary>
    public MemberMatcher<T>? Matcher { get; private set; }

    /// <summary>What became of it.</summary>
    public CriteriaOutcome Outcome { get; private set; } = CriteriaOutcome.Unsupported;

    /// <summary>Why there is no matcher.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>Fills the properties.</summary>
    public void Run()
    {
        if (criterion.Member.Length == 0)
        {
            Prepare(static (ref T datum) => datum, PostcardSerializer.Default.GetConverter<T>());
            return;
        }

        IPropertyShape? member;
        try
        {
            member = (PostcardSerializer.ShapeOf<T>() as IObjectTypeShape)?.Properties
                .FirstOrDefault(p => p.HasGetter && p.Name == criterion.Member);
        }
        catch (NotSupportedException)
        {
            member = null; // a type with a codec of its own needs no shape, but then it has no members to compare
        }

        if (member is null)
            Problem = $"name {criterion.Member}, which {typeof(T)} does not have";
        else
            member.Accept(this);
    }

    /// <inheritdoc/>
    public override object? VisitProperty<TDeclaringType, TPropertyType>(
        IPropertyShape<TDeclaringType, TPropertyType> propertyShape, object? state = null)
    {
        if (propertyShape.GetGetter() is Getter<T, TPropertyType> getter)
            Prepare(getter, PostcardSerializer.Default.GetConverter(propertyShape.PropertyType));
        else
            Problem = $"name {criterion.Member}, which {typeof(T)} inherits";
        return null;
    }

    private void Prepare<TValue>(Getter<T, TValue> getter, PostcardConverter<TValue> converter)
    {
        if (criterion.ValueType is { } type && type != typeof(TValue))
            Problem = $"compare {criterion.Member} with {type}, but it is of type {typeof(TValue)}";
        else if (criterion.AnyOf.IsEmpty)
            PrepareRange(getter, converter);
        else
            PrepareAnyOf(getter, converter);
    }

    private void PrepareAnyOf<TValue>(Getter<T, TValue> getter, PostcardConverter<TValue> converter)
    {
        if (!IsComparable(typeof(TValue), typeof(IEquatable<TValue>)))
        {
            Problem = $"compare {criterion.Member}, whose type {typeof(TValue)} has no value equality";
            return;
        }

        var values = new TValue[criterion.AnyOf.Length];
        for (var i = 0; i < values.Length; i++)
            if (!TryDecode(converter, criterion.AnyOf[i], out values[i]!)) // read only when all were decoded
                return;
        Done(new AnyOfMatcher<T, TValue>(getter, values));
    }

    private void PrepareRange<TValue>(Getter<T, TValue> getter, PostcardConverter<TValue> converter)
    {
        if (!IsComparable(typeof(TValue), typeof(IComparable<TValue>)))
        {
            Problem = $"order {criterion.Member}, whose type {typeof(TValue)} has no order";
            return;
        }

        TValue? from = default, to = default;
        if ((criterion.From is { } low && !TryDecode(converter, low, out from))
            || (criterion.To is { } high && !TryDecode(converter, high, out to)))
            return;
        var comparer = typeof(TValue) == typeof(string)
            ? (IComparer<TValue>)(object)StringComparer.Ordinal
            : Comparer<TValue>.Default;
        Done(new RangeMatcher<T, TValue>(
            getter, (criterion.From is not null, from!), (criterion.To is not null, to!), comparer)); // used where they exist
    }

    private bool TryDecode<TValue>(PostcardConverter<TValue> converter, byte[] bytes, [MaybeNullWhen(false)] out TValue value)
    {
        var result = converter.TryDecode(bytes, out value);
        if (result.IsSuccess && result.Offset == bytes.Length && value is not (null or double.NaN or float.NaN))
            return true;
        Outcome = CriteriaOutcome.Malformed;
        Problem = $"compare {criterion.Member} with what is not a value of type {typeof(TValue)}";
        return false;
    }

    private void Done(MemberMatcher<T> matcher) => (Matcher, Outcome) = (matcher, CriteriaOutcome.Prepared);

    private static bool IsComparable(Type type, Type contract) =>
        type.IsEnum || Nullable.GetUnderlyingType(type) is not null || type.IsAssignableTo(contract);
}
