using System.Collections.Immutable;
using System.Linq.Expressions;
using System.Text;
using Mosaik.Postcard;

namespace Mosaik.Streams;

/// <summary>
/// Which datums of a stream a consumer wants: conditions on members of the datum, all of which must hold. The producer
/// evaluates them, so that what is not wanted is not sent.
/// </summary>
/// <remarks>
/// <para>Immutable: each method gives new criteria. Members are named as the shape of the datum names them; the empty
/// name is the datum itself, for streams of plain values. Equality works on members whose type has value equality,
/// ranges on comparable ones; strings compare ordinally, and what is not a number is in no range. The type of a value
/// is that of its member, which is checked when the consumer is made.</para>
/// <para>A producer that does not know criteria, or not the member, sends everything, and the consumer leaves out what
/// does not match: the outcome is the same. Empty criteria take no bytes on the wire. Source: spec/streams.md §13; the
/// wire form is ours (<see cref="CriteriaCodec"/>).</para>
/// </remarks>
public sealed class Criteria : IEquatable<Criteria>
{
    /// <summary>How many conditions there may be.</summary>
    public const int MaxConditions = 16;

    /// <summary>How many values one condition may list.</summary>
    public const int MaxValues = 64;

    /// <summary>How long the name of a member may be, in UTF-8 bytes.</summary>
    public const int MaxMemberBytes = 128;

    /// <summary>How long an encoded value may be, in bytes.</summary>
    public const int MaxValueBytes = 256;

    /// <summary>How long encoded criteria may be, in bytes.</summary>
    public const int MaxBytes = 2048;

    private Criteria(ImmutableArray<Criterion> conditions)
    {
        Conditions = conditions;
        Encoded = CriteriaCodec.Encode(conditions);
    }

    /// <summary>Every datum.</summary>
    public static Criteria Default { get; } = new([]);

    /// <summary>Whether every datum is wanted.</summary>
    public bool MatchesAll => Conditions.IsEmpty;

    /// <summary>The conditions, in the order in which they were added.</summary>
    internal ImmutableArray<Criterion> Conditions { get; }

    /// <summary>What follows the ids in the handshake; nothing for <see cref="Default"/>.</summary>
    internal ReadOnlyMemory<byte> Encoded { get; }

    /// <summary>A member's value must equal one of these.</summary>
    /// <param name="member">The name of the member; empty for the datum itself.</param>
    /// <param name="anyOf">The values, at least one.</param>
    /// <typeparam name="TValue">The type of the member.</typeparam>
    /// <exception cref="ArgumentException">The criteria would exceed a limit.</exception>
    public Criteria WhereEqual<TValue>(string member, params ReadOnlySpan<TValue> anyOf)
    {
        if (anyOf.Length is 0 or > MaxValues)
            throw new ArgumentException($"1 to {MaxValues} values can be listed, not {anyOf.Length}.", nameof(anyOf));
        var values = ImmutableArray.CreateBuilder<byte[]>(anyOf.Length);
        foreach (ref readonly var value in anyOf)
            values.Add(EncodeValue(value));
        return With(new Criterion { Member = Checked(member), AnyOf = values.MoveToImmutable(), ValueType = typeof(TValue) });
    }

    /// <inheritdoc cref="WhereEqual{TValue}(string, ReadOnlySpan{TValue})"/>
    /// <typeparam name="TDatum">The datum.</typeparam>
    /// <typeparam name="TValue">The type of the member.</typeparam>
    /// <param name="member">The member, as in <c>(Reading r) => r.SensorId</c>.</param>
    /// <param name="anyOf">The values, at least one.</param>
    public Criteria WhereEqual<TDatum, TValue>(
        Expression<Func<TDatum, TValue>> member, params ReadOnlySpan<TValue> anyOf) =>
        WhereEqual(NameOf(member), anyOf);

    /// <summary>A member's value must not be smaller than this.</summary>
    /// <param name="member">The name of the member; empty for the datum itself.</param>
    /// <param name="from">The smallest value that matches.</param>
    /// <typeparam name="TValue">The type of the member.</typeparam>
    /// <exception cref="ArgumentException">The criteria would exceed a limit.</exception>
    public Criteria WhereAtLeast<TValue>(string member, TValue from) =>
        With(new Criterion { Member = Checked(member), From = EncodeValue(from), ValueType = typeof(TValue) });

    /// <inheritdoc cref="WhereAtLeast{TValue}(string, TValue)"/>
    /// <typeparam name="TDatum">The datum.</typeparam>
    /// <typeparam name="TValue">The type of the member.</typeparam>
    public Criteria WhereAtLeast<TDatum, TValue>(Expression<Func<TDatum, TValue>> member, TValue from) =>
        WhereAtLeast(NameOf(member), from);

    /// <summary>A member's value must not be larger than this.</summary>
    /// <param name="member">The name of the member; empty for the datum itself.</param>
    /// <param name="to">The largest value that matches.</param>
    /// <typeparam name="TValue">The type of the member.</typeparam>
    /// <exception cref="ArgumentException">The criteria would exceed a limit.</exception>
    public Criteria WhereAtMost<TValue>(string member, TValue to) =>
        With(new Criterion { Member = Checked(member), To = EncodeValue(to), ValueType = typeof(TValue) });

    /// <inheritdoc cref="WhereAtMost{TValue}(string, TValue)"/>
    /// <typeparam name="TDatum">The datum.</typeparam>
    /// <typeparam name="TValue">The type of the member.</typeparam>
    public Criteria WhereAtMost<TDatum, TValue>(Expression<Func<TDatum, TValue>> member, TValue to) =>
        WhereAtMost(NameOf(member), to);

    /// <summary>A member's value must lie in a range, ends included.</summary>
    /// <param name="member">The name of the member; empty for the datum itself.</param>
    /// <param name="from">The smallest value that matches.</param>
    /// <param name="to">The largest value that matches.</param>
    /// <typeparam name="TValue">The type of the member.</typeparam>
    /// <exception cref="ArgumentException">The criteria would exceed a limit.</exception>
    public Criteria WhereBetween<TValue>(string member, TValue from, TValue to) => With(new Criterion
    {
        Member = Checked(member),
        From = EncodeValue(from),
        To = EncodeValue(to),
        ValueType = typeof(TValue),
    });

    /// <inheritdoc cref="WhereBetween{TValue}(string, TValue, TValue)"/>
    /// <typeparam name="TDatum">The datum.</typeparam>
    /// <typeparam name="TValue">The type of the member.</typeparam>
    public Criteria WhereBetween<TDatum, TValue>(Expression<Func<TDatum, TValue>> member, TValue from, TValue to) =>
        WhereBetween(NameOf(member), from, to);

    /// <inheritdoc/>
    public bool Equals(Criteria? other) => other is not null && Encoded.Span.SequenceEqual(other.Encoded.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Criteria);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Encoded.Span);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override string ToString() => MatchesAll ? "everything" : string.Join(" and ", Conditions);

    /// <summary>Criteria that were received; their limits have been checked.</summary>
    internal static Criteria FromWire(ImmutableArray<Criterion> conditions) => new(conditions);

    private static byte[] EncodeValue<TValue>(TValue value)
    {
        if (value is null)
            throw new ArgumentNullException(nameof(value), "Criteria compare values; null is none.");
        if (value is double.NaN or float.NaN)
            throw new ArgumentException("Nothing equals or is ordered against what is not a number.", nameof(value));
        var bytes = PostcardSerializer.Default.Encode(value);
        return bytes.Length <= MaxValueBytes
            ? bytes
            : throw new ArgumentException($"A value of {bytes.Length} bytes is above the limit of {MaxValueBytes}.", nameof(value));
    }

    private static string Checked(string member)
    {
        ArgumentNullException.ThrowIfNull(member);
        return Encoding.UTF8.GetByteCount(member) <= MaxMemberBytes
            ? member
            : throw new ArgumentException($"The name of a member has at most {MaxMemberBytes} bytes.", nameof(member));
    }

    private static string NameOf<TDatum, TValue>(Expression<Func<TDatum, TValue>> member)
    {
        ArgumentNullException.ThrowIfNull(member);
        return member.Body switch
        {
            ParameterExpression => "",
            MemberExpression { Expression: ParameterExpression } access => access.Member.Name,
            _ => throw new ArgumentException(
                $"'{member.Body}' is not a member of the datum. Name one directly, as in r => r.SensorId.", nameof(member)),
        };
    }

    private Criteria With(Criterion condition)
    {
        if (Conditions.Length == MaxConditions)
            throw new ArgumentException($"There can be {MaxConditions} conditions.", nameof(condition));
        var criteria = new Criteria(Conditions.Add(condition));
        return criteria.Encoded.Length <= MaxBytes
            ? criteria
            : throw new ArgumentException(
                $"The criteria take {criteria.Encoded.Length} bytes, which is above the limit of {MaxBytes}.", nameof(condition));
    }
}
