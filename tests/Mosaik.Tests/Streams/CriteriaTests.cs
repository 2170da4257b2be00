using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>Criteria without a network: what they say, their bytes, their limits, and strangers' bytes.</summary>
public sealed class CriteriaTests
{
    [Fact]
    public void Empty_criteria_take_no_bytes_and_match_everything()
    {
        Assert.True(Criteria.Default.MatchesAll);
        Assert.True(Criteria.Default.Encoded.IsEmpty);
        Assert.Equal(
            new StreamHandshake("my-app", "s").Encode(),
            StreamHandshake.Encode("my-app", "s", Criteria.Default.Encoded.Span));
    }

    [Fact]
    public void The_bytes_are_those_of_the_document()
    {
        var criteria = Criteria.Default.WhereEqual("Id", 5UL, 300UL).WhereBetween("Text", "a", "b").WhereAtMost("Flag", true);
        Assert.Equal(
            "6372697401" + "03" + "024964" + "00" + "02" + "0105" + "02ac02"
            + "0454657874" + "01" + "01" + "020161" + "01" + "020162"
            + "04466c6167" + "01" + "00" + "01" + "0101",
            Convert.ToHexStringLower(criteria.Encoded.Span));
        Assert.True(CriteriaCodec.TryDecode(criteria.Encoded.Span, out var decoded));
        Assert.Equal(criteria, decoded);
        Assert.Equal(criteria.GetHashCode(), decoded.GetHashCode());
        Assert.True(criteria.Conditions.SequenceEqual(decoded.Conditions));
        Assert.NotEqual(criteria, Criteria.Default);
        Assert.Equal("Id = 0x05 | 0xac02 and 0x0161 ≤ Text ≤ 0x0162 and Flag ≤ 0x01", decoded.ToString());
    }

    [Fact]
    public void Members_of_many_types_are_compared_by_value()
    {
        var peer = SecretKey.FromText("a").PeerId;
        var reading = new Reading(5, -3.5, "berlin", Kind.Warm, peer, null, TimeSpan.FromSeconds(3));
        Assert.True(Matches(Criteria.Default.WhereEqual((Reading r) => r.Id, 4UL, 5UL)));
        Assert.False(Matches(Criteria.Default.WhereEqual((Reading r) => r.Id, 4UL, 6UL)));
        Assert.True(Matches(Criteria.Default.WhereBetween((Reading r) => r.Degrees, -3.5, -3.5)));
        Assert.False(Matches(Criteria.Default.WhereAtLeast((Reading r) => r.Degrees, -3.4)));
        Assert.True(Matches(Criteria.Default.WhereAtMost((Reading r) => r.Degrees, 0.0)));
        Assert.True(Matches(Criteria.Default.WhereEqual((Reading r) => r.City, "paris", "berlin")));
        Assert.True(Matches(Criteria.Default.WhereBetween((Reading r) => r.City, "a", "c")));
        Assert.False(Matches(Criteria.Default.WhereBetween((Reading r) => r.City, "A", "Z"))); // ordinal
        Assert.True(Matches(Criteria.Default.WhereEqual((Reading r) => r.Kind, Kind.Warm)));
        Assert.True(Matches(Criteria.Default.WhereAtLeast((Reading r) => r.Kind, Kind.Cold)));
        Assert.True(Matches(Criteria.Default.WhereEqual((Reading r) => r.Peer, peer)));
        Assert.False(Matches(Criteria.Default.WhereEqual((Reading r) => r.Maybe, 1)));
        Assert.False(Matches(Criteria.Default.WhereAtMost((Reading r) => r.Maybe, 1))); // null is in no range
        Assert.True(Matches(Criteria.Default.WhereAtMost((Reading r) => r.For, TimeSpan.FromSeconds(3))));
        Assert.True(Matches(Criteria.Default.WhereEqual((Reading r) => r.Id, 5UL).WhereEqual("City", "berlin")));
        Assert.False(Matches(Criteria.Default.WhereEqual((Reading r) => r.Id, 5UL).WhereEqual("City", "rome")));
        Assert.False(Prepare<Reading>(Criteria.Default.WhereAtMost("Degrees", 0.0)).Matches(reading with { Degrees = double.NaN }));
        Assert.False(Prepare<Reading>(Criteria.Default.WhereEqual("City", "x")).Matches(null!)); // cannot be read

        bool Matches(Criteria criteria) => Prepare<Reading>(criteria).Matches(reading);
    }

    [Fact]
    public void The_datum_itself_is_the_member_without_a_name()
    {
        Assert.True(Prepare<double>(Criteria.Default.WhereAtLeast((double d) => d, 20)).Matches(20));
        Assert.False(Prepare<double>(Criteria.Default.WhereAtLeast("", 20.0)).Matches(19.9));
        Assert.True(Prepare<string>(Criteria.Default.WhereEqual("", "x")).Matches("x"));
        Assert.True(Prepare<(int, string)>(Criteria.Default.WhereEqual("Item2", "x")).Matches((1, "x")));
    }

    [Theory]
    [InlineData("Nobody"), InlineData("Kind"), InlineData("Bytes"), InlineData("Secret")]
    public void What_cannot_be_compared_is_unsupported_and_says_why(string member)
    {
        Assert.Equal(
            CriteriaOutcome.Unsupported,
            CriteriaMatcher<Odd>.TryPrepare(Criteria.Default.WhereEqual(member, 1), out _, out var problem));
        Assert.Contains(member, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_that_is_none_of_the_member_is_malformed()
    {
        var text = Criteria.Default.WhereEqual("City", "x"); // as if it came from elsewhere: bytes of another type
        Assert.True(CriteriaCodec.TryDecode(Criteria.Default.WhereEqual("City", 77UL).Encoded.Span, out var wrong));
        Assert.Equal(CriteriaOutcome.Malformed, CriteriaMatcher<Reading>.TryPrepare(wrong, out _, out _));
        Assert.Equal(CriteriaOutcome.Prepared, CriteriaMatcher<Reading>.TryPrepare(text, out _, out _));
        Assert.Equal( // here the type is known to be wrong
            CriteriaOutcome.Unsupported,
            CriteriaMatcher<Reading>.TryPrepare(Criteria.Default.WhereEqual("Id", 5), out _, out var problem));
        Assert.Contains("System.UInt64", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Limits_are_kept()
    {
        Assert.Throws<ArgumentException>(() => Criteria.Default.WhereEqual<int>("x"));
        Assert.Throws<ArgumentException>(() => Criteria.Default.WhereEqual("x", new int[Criteria.MaxValues + 1]));
        Assert.Throws<ArgumentException>(() => Criteria.Default.WhereEqual(new string('x', Criteria.MaxMemberBytes + 1), 1));
        Assert.Throws<ArgumentException>(() => Criteria.Default.WhereEqual("x", new string('x', Criteria.MaxValueBytes)));
        Assert.Throws<ArgumentException>(() => Criteria.Default.WhereEqual("x", double.NaN));
        Assert.Throws<ArgumentNullException>(() => Criteria.Default.WhereEqual<string>("x", null!, "a"));
        Assert.Throws<ArgumentException>(() => Criteria.Default.WhereEqual((Reading r) => r.City.Length, 1));
        var many = Criteria.Default;
        for (var i = 0; i < Criteria.MaxConditions; i++)
            many = many.WhereAtLeast("x", i);
        Assert.Throws<ArgumentException>(() => many.WhereAtLeast("x", 1));
        var values = Enumerable.Range(0, 9).Select(i => new string((char)('a' + i), 240)).ToArray();
        Assert.Throws<ArgumentException>(() => Criteria.Default.WhereEqual("x", values));
    }

    [Fact]
    public void Unknown_extensions_mean_everything_and_malformed_ones_are_refused()
    {
        foreach (var bytes in (byte[][])[[], [0], new byte[16], "crit"u8.ToArray(), [.. "crit"u8, 2, 0xff], [.. "mosaik"u8]])
        {
            Assert.True(CriteriaCodec.TryDecode(bytes, out var criteria));
            Assert.True(criteria.MatchesAll);
        }

        var valid = Criteria.Default.WhereEqual("Id", 5UL).Encoded.ToArray();
        for (var length = CriteriaCodec.Mark.Length; length < valid.Length; length++)
            Assert.False(CriteriaCodec.TryDecode(valid.AsSpan(0, length), out _));
        Assert.True(CriteriaCodec.TryDecode([.. valid, 1, 2, 3], out _)); // bytes behind are for later versions
        Assert.False(CriteriaCodec.TryDecode([.. "crit"u8, 1, 0], out _)); // no conditions
        Assert.False(CriteriaCodec.TryDecode([.. "crit"u8, 1, 17], out _));
        Assert.False(CriteriaCodec.TryDecode([.. "crit"u8, 1, 1, 1, (byte)'x', 0, 0], out _)); // any of nothing
        Assert.False(CriteriaCodec.TryDecode([.. "crit"u8, 1, 1, 1, (byte)'x', 1, 0, 0], out _)); // a range without ends
        Assert.False(CriteriaCodec.TryDecode([.. "crit"u8, 1, 1, 1, (byte)'x', 2], out _));
        Assert.False(CriteriaCodec.TryDecode([.. valid, .. new byte[Criteria.MaxBytes]], out _));
    }

    [Fact]
    public void Mutated_criteria_are_refused_or_come_back_as_they_are_and_never_throw()
    {
        var corpus = Criteria.Default.WhereEqual("Id", 5UL, 6UL).WhereBetween("City", "a", "b").WhereAtLeast("Degrees", 1.5);
        var accepted = 0;
        foreach (var bytes in Mutator.Mutate(corpus.Encoded.ToArray(), 50_000, seed: 7))
        {
            if (!CriteriaCodec.TryDecode(bytes, out var criteria) || criteria.MatchesAll)
                continue;
            accepted++;
            Assert.True(CriteriaCodec.TryDecode(criteria.Encoded.Span, out var again));
            Assert.Equal(criteria, again);
            if (CriteriaMatcher<Reading>.TryPrepare(criteria, out var matcher, out _) == CriteriaOutcome.Prepared)
                matcher!.Matches(new Reading(5, 2, "a", Kind.Warm, default, null, default));
        }

        Assert.InRange(accepted, 1000, 49_000);
    }

    [Fact]
    public void Consumers_with_equal_criteria_share_one_evaluation()
    {
        var table = new CriteriaTable<Counted>();
        Assert.True(table.Evaluate(new Counted()).IsEmpty);
        var a = table.Add(Prepare<Counted>(Criteria.Default.WhereEqual("Value", 1)));
        var b = table.Add(Prepare<Counted>(Criteria.Default.WhereEqual("Value", 1)));
        var c = table.Add(Prepare<Counted>(Criteria.Default.WhereEqual("Value", 2)));
        Assert.Equal(Backlog.Everything, table.Add(null));
        Assert.Equal(a, b);
        Assert.NotEqual(a, c);
        var datum = new Counted();
        var results = table.Evaluate(datum);
        Assert.Equal((true, false, 2), (results[a], results[c], datum.Reads));
        table.Remove(a);
        Assert.True(table.Evaluate(datum)[a]);
        table.Remove(b);
        table.Remove(Backlog.Everything);
        Assert.False(table.Evaluate(datum)[a]);
        Assert.Equal(a, table.Add(Prepare<Counted>(Criteria.Default.WhereEqual("Value", 3)))); // its place is used again
        table.Remove(a);
        table.Remove(c);
        Assert.True(table.Evaluate(datum).IsEmpty);
    }

    private static CriteriaMatcher<T> Prepare<T>(Criteria criteria)
    {
        // Through the wire, as the producer sees them.
        Assert.True(CriteriaCodec.TryDecode(criteria.Encoded.Span, out var received));
        Assert.Equal(CriteriaOutcome.Prepared, CriteriaMatcher<T>.TryPrepare(criteria, out _, out var problem));
        Assert.Equal("", problem);
        Assert.Equal(CriteriaOutcome.Prepared, CriteriaMatcher<T>.TryPrepare(received, out var matcher, out _));
        return matcher!;
    }

    internal enum Kind
    {
        Cold,
        Warm,
    }

    internal sealed record Reading(ulong Id, double Degrees, string City, Kind Kind, PeerId Peer, int? Maybe, TimeSpan For);

    internal sealed record Odd(byte[] Bytes, string Kind)
    {
        private int Secret { get; } = 1;

        public override string ToString() => $"{Secret}";
    }

    internal sealed class Counted
    {
        public int Reads;

        public int Value
        {
            get
            {
                Reads++;
                return 1;
            }

            set => Reads = value;
        }
    }
}
