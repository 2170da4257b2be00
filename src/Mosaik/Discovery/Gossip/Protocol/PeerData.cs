namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>What a peer tells about itself: bytes that the protocol carries and does not look into (spec/gossip.md §4.1).</summary>
internal sealed class PeerData : IEquatable<PeerData>
{
    /// <summary>Bytes kept of one peer, at most; a frame limit below the default leaves less (spec/gossip.md §14).</summary>
    public const int MaxStored = 1024;

    private readonly byte[] _bytes;

    /// <summary>Takes the array over.</summary>
    public PeerData(byte[] bytes) => _bytes = bytes;

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Span => _bytes;

    /// <summary>Their number.</summary>
    public int Length => _bytes.Length;

    /// <summary>How much is taken from a peer so that every message which carries one of them fits a frame.</summary>
    public static int LimitFor(int maxMessageSize) => Math.Min(MaxStored, maxMessageSize - 64);

    /// <inheritdoc/>
    public bool Equals(PeerData? other) => other is not null && _bytes.AsSpan().SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PeerData);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override string ToString() => Convert.ToHexStringLower(_bytes);
}
