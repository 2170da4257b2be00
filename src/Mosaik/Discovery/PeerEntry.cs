using System.Collections.Immutable;
using System.Text;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// What a node says about itself: its network, version, addresses, roles, what it produces, and tickets
/// (spec/discovery.md §2). Immutable; every change gives a new entry.
/// </summary>
/// <remarks>
/// Kept as its encoded bytes, which are what is signed, compared and passed on; fields become objects when they are
/// first
/// read. Thread-safe.
/// </remarks>
public sealed partial class PeerEntry : IEquatable<PeerEntry>
{
    /// <summary>What this implementation writes into the protocol field: the wire generation it implements.</summary>
    internal const string OwnProtocolVersion = "0.3.18";

    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly PeerEntryLayout _layout;

    // Decoded when first read. Two threads may both decode; either result serves.
    private EndpointAddress? _address;
    private ImmutableSortedSet<Tag>? _tags;
    private ImmutableSortedSet<StreamId>? _streams;
    private ImmutableSortedSet<GroupId>? _groups;
    private ImmutableSortedDictionary<UniqueId, Ticket>? _tickets;
    private string? _protocol;

    /// <summary>The entry in canonical bytes that have been walked.</summary>
    internal PeerEntry(ReadOnlyMemory<byte> bytes, in PeerEntryLayout layout)
    {
        _bytes = bytes;
        _layout = layout;
        Id = PeerId.FromRawUnchecked(bytes.Span.Slice(layout.AddressStart, PeerId.Length)); // proven by what made the bytes
        NetworkId = NetworkId.FromRaw(bytes.Span.Slice(layout.NetworkStart, UniqueId.Length));
    }

    /// <summary>The node.</summary>
    public PeerId Id { get; }

    /// <summary>The network it belongs to.</summary>
    public NetworkId NetworkId { get; }

    /// <summary>The publisher's version of Mosaik; a semantic version, otherwise without meaning.</summary>
    public string ProtocolVersion =>
        _protocol ??= Encoding.ASCII.GetString(_bytes.Span[_layout.ProtocolStart.._layout.NetworkStart]);

    /// <summary>The version of the entry.</summary>
    public PeerVersion Version => _layout.Version;

    /// <summary>When it was last changed.</summary>
    public DateTimeOffset UpdatedAt => Version.UpdatedAt;

    /// <summary>When the node's process started.</summary>
    public DateTimeOffset StartedAt => Version.StartedAt;

    /// <summary>How to reach the node.</summary>
    public EndpointAddress Address => _address ??= DecodeAddress();

    /// <summary>The node's roles.</summary>
    public ImmutableSortedSet<Tag> Tags => _tags ??= DecodeIds(_layout.Tags, static raw => Tag.FromRaw(raw));

    /// <summary>The streams it produces.</summary>
    public ImmutableSortedSet<StreamId> Streams =>
        _streams ??= DecodeIds(_layout.Streams, static raw => StreamId.FromRaw(raw));

    /// <summary>The groups it is a member of.</summary>
    public ImmutableSortedSet<GroupId> Groups => _groups ??= DecodeIds(_layout.Groups, static raw => GroupId.FromRaw(raw));

    /// <summary>Its tickets by their id.</summary>
    public ImmutableSortedDictionary<UniqueId, Ticket> Tickets => _tickets ??= DecodeTickets();

    /// <summary>BLAKE3 of the encoded entry: what its owner signs.</summary>
    public UniqueId Digest => UniqueId.Hash(_bytes.Span);

    /// <summary>The encoded entry.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    internal PeerEntryLayout Layout => _layout;

    /// <summary>A new entry without roles, streams, groups and tickets.</summary>
    /// <param name="networkId">The network.</param>
    /// <param name="address">The node and how to reach it.</param>
    /// <param name="version">The version.</param>
    /// <returns>The entry.</returns>
    /// <exception cref="ArgumentException">The address cannot be published: a relay is not canonical.</exception>
    public static PeerEntry Create(NetworkId networkId, EndpointAddress address, PeerVersion version)
    {
        ArgumentNullException.ThrowIfNull(address);
        return Encode(new Fields(OwnProtocolVersion, networkId, version, address, [], [], [],
            ImmutableSortedDictionary<UniqueId, Ticket>.Empty));
    }

    /// <summary>Time since the start of the node's process, not below zero.</summary>
    /// <param name="now">The current time.</param>
    /// <returns>The uptime.</returns>
    public TimeSpan UptimeAt(DateTimeOffset now) => Version.UptimeAt(now);

    /// <summary>Whether this entry has a strictly greater version.</summary>
    /// <param name="other">The other entry.</param>
    /// <returns>True if it has.</returns>
    public bool IsNewerThan(PeerEntry other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Version.IsNewerThan(other.Version);
    }

    /// <summary>Whether both say the same except for the version.</summary>
    /// <param name="other">The other entry.</param>
    /// <returns>True if so.</returns>
    public bool ContentEquals(PeerEntry other)
    {
        ArgumentNullException.ThrowIfNull(other);
        ReadOnlySpan<byte> own = _bytes.Span, others = other._bytes.Span;
        return own[.._layout.VersionStart].SequenceEqual(others[..other._layout.VersionStart])
            && own[_layout.AddressStart..].SequenceEqual(others[other._layout.AddressStart..]);
    }

    /// <inheritdoc/>
    public bool Equals(PeerEntry? other) => other is not null && _bytes.Span.SequenceEqual(other._bytes.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PeerEntry);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, Version);

    /// <summary>Short id and version, for logs.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{Id:S} v{Version.ToShortString()}";

    /// <summary>Signs the entry with the key of its node.</summary>
    /// <param name="secretKey">The key.</param>
    /// <returns>The signed entry.</returns>
    /// <exception cref="DiscoveryException">The key belongs to another id
    /// (<see cref="DiscoveryError.InvalidSecretKey"/>).</exception>
    public SignedPeerEntry Sign(SecretKey secretKey)
    {
        ArgumentNullException.ThrowIfNull(secretKey);
        return secretKey.PeerId == Id
            ? SignedPeerEntry.Sign(this, secretKey)
            : throw DiscoveryException.InvalidSecretKey(secretKey.PeerId, Id);
    }
}
