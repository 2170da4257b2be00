using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Tests.Streams.Conformance;

/// <summary>HS256 tickets of the Rust tests: issuer, subject = peer id in hex, expiry.</summary>
internal sealed class TestJwt(byte[] key, string issuer, TimeProvider? clock = null) : ITicketValidator
{
    public static readonly TicketClass TestClass = "mosaik.test.jwt";

    public const string DefaultIssuer = "mosaik.test.jwt.issuer";

    public static byte[] DefaultKey { get; } = UniqueId.Hash("mosaik.test.jwt.secret"u8).AsSpan().ToArray();

    public TicketClass Class => TestClass;

    public UniqueId Signature => UniqueId.Hash(key);

    /// <summary>How often it was asked.</summary>
    public int Asked { get; private set; }

    public Ticket Issue(PeerId subject, DateTimeOffset expiry)
    {
        var body = $"{Part("""{"alg":"HS256","typ":"JWT"}""")}.{Part(
            $$"""{"iss":"{{issuer}}","sub":"{{Hex(subject)}}","exp":{{expiry.ToUnixTimeSeconds()}}}""")}";
        var signature = HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(body));
        return new Ticket(TestClass, Encoding.ASCII.GetBytes($"{body}.{Base64Url.EncodeToString(signature)}"));
    }

    public bool TryValidate(ReadOnlySpan<byte> ticket, PeerEntry peer, out Expiration expiration)
    {
        Asked++;
        expiration = default;
        var parts = Encoding.ASCII.GetString(ticket).Split('.');
        if (parts.Length != 3)
            return false;
        var expected = HMACSHA256.HashData(key, Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"));
        if (Base64Url.EncodeToString(expected) != parts[2])
            return false;
        using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
        if (claims.RootElement.GetProperty("iss").GetString() != issuer
            || claims.RootElement.GetProperty("sub").GetString() != Hex(peer.Id))
            return false;
        expiration = Expiration.At(DateTimeOffset.FromUnixTimeSeconds(claims.RootElement.GetProperty("exp").GetInt64()));
        return true;
    }

    /// <summary>The predicate idiom, which sees no expiration of its own.</summary>
    public bool Accepts(PeerInfo peer) => peer.HasValidTicket(TestClass, data =>
        TryValidate(data.Span, peer.Entry, out var expiration) && !expiration.IsExpired((clock ?? TimeProvider.System).GetUtcNow()));

    private static string Part(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));

    private static string Hex(PeerId id) => Convert.ToHexStringLower(id.AsSpan());
}
