using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mosaik.Primitives;

/// <summary>
/// One way to reach a node: through a relay, directly over UDP, or over a transport of another implementation.
/// </summary>
/// <remarks>
/// spec/wire.md §5.1. Ordered relay &lt; ip &lt; custom; relays by URL text; V4 before V6, then by address and port.
/// </remarks>
public abstract record TransportAddress
{
    private protected TransportAddress()
    {
    }

    /// <summary>The variant index on the wire, which is also the first criterion of the order.</summary>
    internal abstract int Kind { get; }

    /// <summary>The order of the set on the wire.</summary>
    internal static IComparer<TransportAddress> WireOrder { get; } = Comparer<TransportAddress>.Create(static (x, y) =>
        x.Kind != y.Kind ? x.Kind.CompareTo(y.Kind) : x.CompareToSameKind(y));

    private protected abstract int CompareToSameKind(TransportAddress other);

    /// <summary>Parses <c>https://…/</c> and <c>http://…/</c> as relays and <c>ip:port</c> as UDP addresses.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The address.</returns>
    /// <exception cref="FormatException">Neither of them.</exception>
    public static TransportAddress Parse(string text) => TryParse(text, out var address)
        ? address
        : throw new FormatException($"\"{text}\" is neither a canonical relay URL nor an address with a port.");

    /// <summary>The same without an exception.</summary>
    /// <param name="text">The text.</param>
    /// <param name="address">The address.</param>
    /// <returns>False when it is neither of them.</returns>
    public static bool TryParse(string text, [NotNullWhen(true)] out TransportAddress? address)
    {
        ArgumentNullException.ThrowIfNull(text);

        // Without the colon check a bare IP address would become port 0.
        address = RelayUrl.IsCanonical(text) ? new Relay(text)
            : IPEndPoint.TryParse(text, out var endPoint) && endPoint.Port != 0 ? new Ip(endPoint)
            : null;
        return address is not null;
    }

    /// <summary>A relay server.</summary>
    /// <param name="Url">The URL as text, compared as it is. Only canonical ones are published (spec/wire.md
    /// §5.3).</param>
    public sealed record Relay(string Url) : TransportAddress
    {
        internal override int Kind => 0;

        private protected override int CompareToSameKind(TransportAddress other) =>
            Utf8Order.Compare(Url, ((Relay)other).Url);

        /// <inheritdoc/>
        public override string ToString() => Url;
    }

    /// <summary>A UDP address.</summary>
    /// <param name="Address">The address. The scope of an IPv6 address serves for dialling only and is not on the
    /// wire.</param>
    /// <param name="Port">The port, 0–65535.</param>
    public sealed record Ip(IPAddress Address, int Port) : TransportAddress
    {
        /// <summary>The UDP address of an end point.</summary>
        /// <param name="endPoint">The end point, which is copied.</param>
        public Ip(IPEndPoint endPoint)
            : this(
                (endPoint ?? throw new ArgumentNullException(nameof(endPoint))).Address,
                endPoint.Port)
        {
        }

        internal override int Kind => 1;

        /// <summary>The address as an end point.</summary>
        /// <returns>A new end point.</returns>
        public IPEndPoint ToEndPoint() => new(Address, Port);

        private protected override int CompareToSameKind(TransportAddress other)
        {
            var ip = (Ip)other;
            bool v4 = Address.AddressFamily == AddressFamily.InterNetwork;
            bool otherV4 = ip.Address.AddressFamily == AddressFamily.InterNetwork;
            if (v4 != otherV4)
                return v4 ? -1 : 1;
            Span<byte> x = stackalloc byte[16], y = stackalloc byte[16];
            Address.TryWriteBytes(x, out int length);
            ip.Address.TryWriteBytes(y, out _);
            int order = x[..length].SequenceCompareTo(y[..length]);
            if (order == 0)
                order = Port.CompareTo(ip.Port);
            return order != 0 || v4 ? order : Address.ScopeId.CompareTo(ip.Address.ScopeId);
        }

        /// <inheritdoc/>
        public override string ToString() => ToEndPoint().ToString();
    }

    /// <summary>
    /// An address of a transport that only other implementations have: kept and passed on, never used or published.
    /// </summary>
    public sealed record Custom : TransportAddress
    {
        /// <summary>Bytes that the inline form reserves on the wire.</summary>
        internal const int InlineCapacity = 30;

        // The inline form travels with all its 30 bytes, used or not, and re-encodes to the same bytes.
        private readonly byte[] _raw;
        private readonly int _size;

        internal Custom(ulong transport, bool isInline, ReadOnlySpan<byte> raw, int size)
        {
            Transport = transport;
            IsInline = isInline;
            _raw = raw.ToArray();
            _size = size;
        }

        internal override int Kind => 2;

        /// <summary>The id of the foreign transport.</summary>
        public ulong Transport { get; }

        /// <summary>The bytes of the address.</summary>
        public ReadOnlyMemory<byte> Data => _raw.AsMemory(0, _size);

        internal bool IsInline { get; }

        internal ReadOnlySpan<byte> Raw => _raw;

        /// <inheritdoc/>
        public bool Equals(Custom? other) => other is not null && CompareToSameKind(other) == 0;

        /// <inheritdoc/>
        public override int GetHashCode()
        {
            var hash = default(HashCode);
            hash.Add(Transport);
            hash.AddBytes(_raw);
            return hash.ToHashCode();
        }

        private protected override int CompareToSameKind(TransportAddress other)
        {
            var custom = (Custom)other;
            int order = Transport.CompareTo(custom.Transport);
            if (order == 0)
                order = custom.IsInline.CompareTo(IsInline); // inline first
            if (order == 0 && IsInline)
                order = _size.CompareTo(custom._size);
            return order != 0 ? order : _raw.AsSpan().SequenceCompareTo(custom._raw);
        }

        /// <inheritdoc/>
        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture, $"custom id={Transport} data={Convert.ToHexStringLower(Data.Span)}");
    }
}
