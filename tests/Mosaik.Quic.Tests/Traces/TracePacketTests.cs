using System.Security.Cryptography;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tests.Traces;

/// <summary>Assertions 1, 2, 3, 5 and 17 of the traces: keys, opening and sealing of every recorded packet.</summary>
public sealed class TracePacketTests
{
    private const int ShortHeaderConnectionIdLength = 8;

    public static TheoryData<string> Traces => TraceFile.Names(_ => true);

    [Fact]
    public void Twelve_traces_are_there() => Assert.Equal(12, TraceFile.All.Count);

    [Theory]
    [MemberData(nameof(Traces))]
    public void Derives_initial_keys_from_the_original_destination(string name)
    {
        var trace = TraceFile.Get(name);
        Span<byte> secret = stackalloc byte[32];
        var recorded = trace.Keys.Initial;
        HkdfLabel.Expand(HashAlgorithmName.SHA256, recorded.InitialSecret, "client in"u8, default, secret);
        Assert.Equal(recorded.Client.Secret, secret.ToArray());
        HkdfLabel.Expand(HashAlgorithmName.SHA256, recorded.InitialSecret, "server in"u8, default, secret);
        Assert.Equal(recorded.Server.Secret, secret.ToArray());

        var (client, server) = InitialKeys.Derive(trace.ConnectionIds.OriginalDestination);
        using (client)
        using (server)
        {
            AssertSameKeys(CipherSuite.Aes128GcmSha256, recorded.Client, client);
            AssertSameKeys(CipherSuite.Aes128GcmSha256, recorded.Server, server);
        }
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void Derives_key_iv_and_header_protection_from_each_secret(string name)
    {
        var trace = TraceFile.Get(name);
        foreach (var (suite, key) in AllKeys(trace))
        {
            Assert.Equal(key.Key, Expand(suite, key.Secret, "quic key"u8, suite.KeyLength));
            Assert.Equal(key.Iv, Expand(suite, key.Secret, "quic iv"u8, 12));
            using var keys = PacketKeys.FromSecret(suite, key.Secret);
            AssertSameKeys(suite, key, keys);
        }
        AssertGenerations(trace, generation => generation.Client);
        AssertGenerations(trace, generation => generation.Server);
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void Opens_every_packet(string name)
    {
        var trace = TraceFile.Get(name);
        using var keyring = new TraceKeyring(trace);
        var largest = new Dictionary<(string, string), ulong>();
        foreach (var datagram in trace.Datagrams)
        {
            var bytes = datagram.Bytes.ToArray();
            var at = 0;
            foreach (var packet in datagram.Packets)
            {
                var (size, offset) = Measure(bytes.AsSpan(at));
                Assert.Equal((packet.At, packet.Size), (at, size));
                var keys = keyring.Of(datagram.From, packet);
                var span = bytes.AsSpan(at, size);
                Assert.True(PacketProtection.TryRemoveHeaderProtection(
                    keys.HeaderProtection, span, offset, out var length, out var truncated));
                Assert.Equal(packet.PnLength, length);
                var space = (datagram.From, packet.Type);
                var expected = largest.TryGetValue(space, out var last) ? last + 1 : 0;
                var number = Decode(expected, truncated, length);
                Assert.Equal(packet.Pn, number);
                Assert.Equal(packet.Header, span[..(offset + length)].ToArray());
                Assert.True(keys.TryOpen(number, span[..(offset + length)], span[(offset + length)..]));
                Assert.Equal(packet.Payload, span[(offset + length)..^PacketProtection.TagLength].ToArray());
                largest[space] = Math.Max(number, expected == 0 ? 0 : expected - 1);
                at += size;
            }
            Assert.Equal(datagram.Size, at);
        }
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void Seals_every_packet_to_the_same_bytes(string name)
    {
        var trace = TraceFile.Get(name);
        using var keyring = new TraceKeyring(trace);
        foreach (var datagram in trace.Datagrams)
        {
            foreach (var packet in datagram.Packets)
            {
                byte[] sealedPacket = [.. packet.Header, .. packet.Payload, .. new byte[PacketProtection.TagLength]];
                PacketProtection.Seal(
                    keyring.Of(datagram.From, packet),
                    sealedPacket,
                    packet.Header.Length - packet.PnLength,
                    packet.PnLength,
                    packet.Pn);
                Assert.Equal(datagram.Bytes.AsSpan(packet.At, packet.Size).ToArray(), sealedPacket);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void Refuses_a_packet_with_a_flipped_bit_and_opens_the_next(string name)
    {
        var trace = TraceFile.Get(name);
        using var keyring = new TraceKeyring(trace);
        var position = 0;
        foreach (var datagram in trace.Datagrams)
        {
            foreach (var packet in datagram.Packets)
            {
                var keys = keyring.Of(datagram.From, packet);
                // Every byte of small packets, a walking selection of large ones; the bit walks as well.
                var step = Math.Max(1, packet.Size / 48);
                for (var i = position++ % step; i < packet.Size; i += step)
                {
                    Assert.False(
                        Opens(keys, datagram, packet, i * 8 + (i + position) % 8),
                        $"datagram {datagram.N}, packet at {packet.At}, byte {i}");
                }
                Assert.True(Opens(keys, datagram, packet, flippedBit: -1));
            }
        }
    }

    private static void AssertGenerations(TraceFile trace, Func<TraceGeneration, TraceKey> side)
    {
        var first = PacketKeys.FromSecret(trace.Suite, side(trace.Keys.OneRtt[0]).Secret);
        var keys = first;
        for (var i = 1; i < trace.Keys.OneRtt.Length; i++)
        {
            var next = keys.NextGeneration();
            Assert.Same(keys.HeaderProtection, next.HeaderProtection);
            // The header protection outlives the generation that made it.
            keys.Dispose();
            keys = next;
            AssertSameKeys(trace.Suite, side(trace.Keys.OneRtt[i]), keys);
        }
        Assert.NotSame(first, keys);
        keys.Dispose();
    }

    private static bool Opens(PacketKeys keys, TraceDatagram datagram, TracePacket packet, int flippedBit)
    {
        var bytes = datagram.Bytes.AsSpan(packet.At, packet.Size).ToArray();
        if (flippedBit >= 0)
            bytes[flippedBit / 8] ^= (byte)(1 << (flippedBit % 8));
        // The place of the packet number is known from the intact packet: what is tested is the protection.
        var offset = packet.Header.Length - packet.PnLength;
        if (!PacketProtection.TryRemoveHeaderProtection(keys.HeaderProtection, bytes, offset, out var length, out var number))
            return false;
        var header = offset + length;
        var full = Decode(packet.Pn, number, length);
        return keys.TryOpen(full, bytes.AsSpan(0, header), bytes.AsSpan(header));
    }

    private static IEnumerable<(CipherSuite Suite, TraceKey Key)> AllKeys(TraceFile trace)
    {
        yield return (CipherSuite.Aes128GcmSha256, trace.Keys.Initial.Client);
        yield return (CipherSuite.Aes128GcmSha256, trace.Keys.Initial.Server);
        yield return (trace.Suite, trace.Keys.Handshake.Client);
        yield return (trace.Suite, trace.Keys.Handshake.Server);
        foreach (var generation in trace.Keys.OneRtt.Where(generation => generation.Generation == 0))
        {
            yield return (trace.Suite, generation.Client);
            yield return (trace.Suite, generation.Server);
        }
    }

    // Keys are compared by what they do: PacketKeys does not reveal them.
    private static void AssertSameKeys(CipherSuite suite, TraceKey recorded, PacketKeys keys)
    {
        using var protection = HeaderProtection.Create(suite, recorded.Hp);
        byte[] sample = [.. Enumerable.Range(1, HeaderProtection.SampleLength).Select(i => (byte)(i * 7))];
        var expected = new byte[HeaderProtection.MaskLength];
        var actual = new byte[HeaderProtection.MaskLength];
        protection.ComputeMask(sample, expected);
        keys.HeaderProtection.ComputeMask(sample, actual);
        Assert.Equal(expected, actual);

        const ulong PacketNumber = 0x0102030405060708;
        var nonce = recorded.Iv.ToArray();
        for (var i = 0; i < 8; i++)
            nonce[^(i + 1)] ^= (byte)(PacketNumber >> (8 * i));
        byte[] header = [0x40, 1, 2, 3];
        var expectedPacket = new byte[40];
        if (suite == CipherSuite.ChaCha20Poly1305Sha256)
        {
            using var aead = new ChaCha20Poly1305(recorded.Key);
            aead.Encrypt(nonce, expectedPacket.AsSpan(0, 24).ToArray(), expectedPacket.AsSpan(0, 24), expectedPacket.AsSpan(24), header);
        }
        else
        {
            using var aead = new AesGcm(recorded.Key, 16);
            aead.Encrypt(nonce, new byte[24], expectedPacket.AsSpan(0, 24), expectedPacket.AsSpan(24), header);
        }
        var packet = new byte[40];
        keys.Seal(PacketNumber, header, packet);
        Assert.Equal(expectedPacket, packet);
    }

    private static byte[] Expand(CipherSuite suite, byte[] secret, ReadOnlySpan<byte> label, int length)
    {
        var output = new byte[length];
        HkdfLabel.Expand(suite.Hash, secret, label, default, output);
        return output;
    }

    // RFC 9000 §17.2 and A.3, written out here so that this test depends on nothing but the protection it tests.
    private static (int Size, int PacketNumberOffset) Measure(ReadOnlySpan<byte> rest)
    {
        if ((rest[0] & 0x80) == 0)
            return (rest.Length, 1 + ShortHeaderConnectionIdLength);
        var at = 5;
        at += 1 + rest[at];
        at += 1 + rest[at];
        if ((rest[0] & 0x30) == 0)
        {
            var token = VarInt(rest, ref at);
            at += token;
        }
        var length = VarInt(rest, ref at);
        return (at + length, at);
    }

    private static int VarInt(ReadOnlySpan<byte> bytes, ref int at)
    {
        var size = 1 << (bytes[at] >> 6);
        var value = bytes[at] & 0x3f;
        for (var i = 1; i < size; i++)
            value = (value << 8) | bytes[at + i];
        at += size;
        return value;
    }

    private static ulong Decode(ulong expected, uint truncated, int length)
    {
        var window = 1UL << (8 * length);
        var candidate = (expected & ~(window - 1)) | truncated;
        if (candidate + (window / 2) <= expected)
            return candidate + window;
        return candidate > expected + (window / 2) && candidate >= window ? candidate - window : candidate;
    }
}
