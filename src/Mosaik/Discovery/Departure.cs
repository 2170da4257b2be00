using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>A node's signed word that it leaves (spec/discovery.md §12.1).</summary>
/// <remarks>
/// peer id 32 ‖ last version ‖ timestamp as RFC 3339 string ‖ signature 64. The signature covers
/// H(peer id ‖ start i64 BE ‖ update i64 BE ‖ timestamp in whole milliseconds i64 BE), so that the text, which may be
/// more
/// precise, is kept as it came.
/// </remarks>
/// <param name="PeerId">Who leaves.</param>
/// <param name="LastVersion">The last version of its entry.</param>
/// <param name="Timestamp">When, as it stands on the wire.</param>
/// <param name="TimestampMs">The same, floored to milliseconds since the Unix epoch.</param>
/// <param name="Signature">The signature of the node.</param>
internal sealed record Departure(
    PeerId PeerId, PeerVersion LastVersion, string Timestamp, long TimestampMs, Signature Signature)
{
    /// <summary>Signs a departure at a time, which is written with 3 digits of fraction or none.</summary>
    public static Departure Sign(SecretKey secretKey, PeerVersion lastVersion, DateTimeOffset now)
    {
        long milliseconds = now.ToUnixTimeMilliseconds();
        DateTimeOffset rounded = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
        string format = milliseconds % 1000 == 0 ? "yyyy-MM-dd'T'HH:mm:ss'Z'" : "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
        return Sign(secretKey, lastVersion, rounded.ToString(format, CultureInfo.InvariantCulture), milliseconds);
    }

    internal static Departure Sign(SecretKey secretKey, PeerVersion lastVersion, string timestamp, long timestampMs)
    {
        PeerId id = secretKey.PeerId;
        return new Departure(id, lastVersion, timestamp, timestampMs, secretKey.Sign(Hash(id, lastVersion, timestampMs).AsSpan()));
    }

    /// <summary>What is signed.</summary>
    public static UniqueId Hash(PeerId peerId, PeerVersion lastVersion, long timestampMs)
    {
        Span<byte> message = stackalloc byte[PeerId.Length + (3 * sizeof(long))];
        peerId.CopyTo(message);
        BinaryPrimitives.WriteInt64BigEndian(message[PeerId.Length..], lastVersion.Start);
        BinaryPrimitives.WriteInt64BigEndian(message[(PeerId.Length + sizeof(long))..], lastVersion.Update);
        BinaryPrimitives.WriteInt64BigEndian(message[(PeerId.Length + (2 * sizeof(long)))..], timestampMs);
        return UniqueId.Hash(message);
    }

    public bool Verify(SignatureVerifier verifier) =>
        verifier.Verify(PeerId, Hash(PeerId, LastVersion, TimestampMs), Signature);

    public void Write(ref PostcardWriter writer)
    {
        writer.WriteRaw(PeerId.AsSpan());
        LastVersion.Write(ref writer);
        writer.WriteString(Timestamp);
        Signature.CopyTo(writer.Take(Signature.Length));
    }

    /// <summary>Reads a departure whose signature has not been looked at.</summary>
    public static bool TryRead(ref PostcardReader reader, out Departure? departure)
    {
        departure = null;
        if (!reader.TryReadRaw(PeerId.Length, out ReadOnlySpan<byte> id)
            || !PeerVersion.TryRead(ref reader, out PeerVersion version))
        {
            return false;
        }
        int start = reader.Position;
        if (!reader.TryReadTimestamp(out DateTimeOffset timestamp))
            return false;
        var text = new PostcardReader(reader.Slice(start, reader.Position));
        text.TryReadBytes(out ReadOnlySpan<byte> written); // it has just been read
        if (written.Length > MaxTimestampLength)
            return reader.Fail(PostcardError.TooLarge, start);
        if (!reader.TryReadRaw(Signature.Length, out ReadOnlySpan<byte> signature))
            return false;
        departure = new Departure(
            PeerId.FromRawUnchecked(id), // proven by the signature, which is checked before anything is done with it
            version,
            Encoding.ASCII.GetString(written),
            FloorToMilliseconds(timestamp),
            Signature.FromRaw(signature));
        return true;
    }

    /// <summary>
    /// Longer than any RFC 3339 time with nanoseconds and an offset; bounds what a stranger makes us parse.
    /// </summary>
    private const int MaxTimestampLength = 64;

    // Ticks count from the year 1, so that the division rounds down before the epoch as well.
    private static long FloorToMilliseconds(DateTimeOffset time) =>
        (time.UtcTicks / TimeSpan.TicksPerMillisecond) - (DateTimeOffset.UnixEpoch.Ticks / TimeSpan.TicksPerMillisecond);
}
