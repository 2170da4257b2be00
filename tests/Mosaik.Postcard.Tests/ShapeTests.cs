using PolyType.Abstractions;
using PolyType.ReflectionProvider;

namespace Mosaik.Postcard.Tests;

public sealed class ShapeTests
{
    private static readonly PostcardSerializer Serializer = new(new Key32Converter());

    private static string Hex<T>(T value)
    {
        var generated = Convert.ToHexStringLower(Serializer.Encode(value));
        var reflected = Convert.ToHexStringLower(
            Serializer.GetConverter(ReflectionTypeShapeProvider.Default.GetTypeShape<T>()!).Encode(value));
        Assert.Equal(generated, reflected);
        return generated;
    }

    [Fact]
    public void Records_follow_their_parameters() =>
        Assert.Equal("ac0205070104424f4e4401", Hex(new Order(300, 5, 7, 1, "BOND", -1)));

    [Fact]
    public void Order_attribute_wins_over_the_parameters() => Assert.Equal("010203", Hex(new Reordered(3, 1, 2)));

    [Fact]
    public void Members_behind_the_parameters_come_last() =>
        Assert.Equal("010203", Hex(new PositionalAndMore(1, 2) { Third = 3 }));

    [Fact]
    public void Inherited_members_stay_at_their_parameter() => Assert.Equal("0201", Hex(new Derived(2, 1)));

    [Fact]
    public void Classes_follow_their_declaration() => Assert.Equal("0102", Hex(new ByConstructor(2, 1)));

    [Fact]
    public void Computed_members_are_not_written() =>
        Assert.Equal("0201780106", Hex(new MutableBag { A = 1, B = "x", C = [3] }));

    [Fact]
    public void Initializers_and_setters_follow_the_declaration() =>
        Assert.Equal("02000a", Hex(new Initialized { A = 1, B = null, C = 10 }));

    [Fact]
    public void Unit_is_nothing_and_a_newtype_its_value()
    {
        Assert.Equal("", Hex(new Unit()));
        Assert.Equal("ac02", Hex(new Wrapper(300)));
    }

    [Fact]
    public void Variants_carry_their_tag()
    {
        Assert.Equal("0005", Hex<Shape>(new Shape.Circle(5)));
        Assert.Equal("01050161", Hex<Shape>(new Shape.Square(5, "a")));
        Assert.Equal("04", Hex<Shape>(new Shape.Empty()));
    }

    [Fact]
    public void Inline_arrays_have_no_count() =>
        Assert.Equal("00020406" + new string('0', 64), Hex(Four()));

    [Fact]
    public void Named_and_given_converters_are_used() => Assert.Equal(
        "0201" + new string('0', 62) + "07" + "020201" + "0403",
        Hex(new Custom(new(1, 2), new(0, 7), [new(1, 2), new(3, 4)])));

    [Fact]
    public void Members_of_a_type_parameter_and_tuple_elements_are_not_options()
    {
        Assert.Equal("01610101620163", Convert.ToHexStringLower(Serializer
            .GetConverter(TypeShapeResolver.Resolve<Generic<string>, Shapes>()).Encode(new Generic<string>("a", ["b"], "c"))));
        Assert.Equal("01610101620163", Convert.ToHexStringLower(Serializer.Encode(new Generic<string>("a", ["b"], "c"))));
        Assert.Equal("016102", Convert.ToHexStringLower(Serializer
            .GetConverter(TypeShapeResolver.Resolve<(string, int), Shapes>()).Encode(("a", 1))));
        Assert.Equal("016102", Convert.ToHexStringLower(Serializer.Encode(("a", 1))));
    }

    [Fact]
    public void Unordered_collections_are_written_in_the_order_of_their_bytes()
    {
        Assert.Equal("03" + "00" + "02" + "8001", Hex(new HashSet<ulong> { 128, 2, 0 }));
        Assert.Equal("02" + "016102" + "016204", Hex(new Dictionary<string, int> { ["b"] = 2, ["a"] = 1 }));
        Assert.Equal(Hex(new HashSet<int> { 1, 2, 3, 500 }), Hex(new HashSet<int> { 500, 3, 2, 1 }));
    }

    [Fact]
    public void Ordered_collections_are_written_in_their_own_order()
    {
        Assert.Equal("02" + "8102" + "02", Hex(new SortedSet<int> { 1, -129 }));
        Assert.Equal("02" + "00" + "0162" + "02" + "0161", Hex(new SortedDictionary<int, string> { [1] = "a", [0] = "b" }));
    }

    private static Fixed Four()
    {
        var ints = default(FourInts);
        for (var i = 0; i < 4; i++)
            ints[i] = i;
        return new Fixed(ints, default);
    }

    [Theory]
    [InlineData(typeof(char))]
    [InlineData(typeof(decimal))]
    [InlineData(typeof(Guid))]
    [InlineData(typeof(DateOnly))]
    [InlineData(typeof(TimeOnly))]
    [InlineData(typeof(System.Numerics.BigInteger))]
    [InlineData(typeof(Half))]
    [InlineData(typeof(object))]
    [InlineData(typeof(Uri))]
    [InlineData(typeof(Action))]
    [InlineData(typeof(Stack<int>))]
    [InlineData(typeof(int[,]))]
    [InlineData(typeof(IAsyncEnumerable<int>))]
    [InlineData(typeof(IDisposable))]
    [InlineData(typeof(Sparse))]
    [InlineData(typeof(DayOfWeekPlusOne))]
    [InlineData(typeof(Holder))]
    [InlineData(typeof(NoMatch))]
    [InlineData(typeof(SortedSet<Unit>))]
    public void Unmapped_types_are_refused_when_the_converter_is_built(Type type)
    {
        var build = typeof(PostcardSerializer).GetMethod(nameof(PostcardSerializer.GetConverter), 1, [])!
            .MakeGenericMethod(type);
        var refusal = Assert.IsType<NotSupportedException>(Assert.ThrowsAny<System.Reflection.TargetInvocationException>(
            () => build.Invoke(Serializer, [])).InnerException);
        Assert.Contains("postcard", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refusal_names_the_way_to_the_type() => Assert.Contains(
        "Holder.Inner → Deep.Id",
        Assert.Throws<NotSupportedException>(() => Serializer.GetConverter<Holder>()).Message,
        StringComparison.Ordinal);

    public enum Sparse
    {
        A = 0,
        B = 2,
    }

    public enum DayOfWeekPlusOne
    {
        Monday = 1,
    }

    public sealed record Holder(Deep Inner);

    public sealed record Deep(Guid Id);

    public sealed class NoMatch(int hidden)
    {
        public string Text { get; } = hidden.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}
