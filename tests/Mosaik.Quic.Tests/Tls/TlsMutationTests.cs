using CsCheck;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Tls;

/// <summary>
/// More than 100,000 damaged messages, at every level and in every state of both roles: a core answers true or false
/// with an error, never with an exception, and takes little memory. A failure prints the seed that repeats it.
/// </summary>
public sealed class TlsMutationTests
{
    // Whatever happens, one handshake of honest size costs less than this; a message adds at most a few times its size.
    private const long MemoryOfAHandshake = 64 * 1024;
    private const int MemoryPerByte = 4;

    private static readonly byte[] Interesting = [0, 1, 2, 0x0d, 0x10, 0x20, 0x2c, 0x33, 0x39, 0x7f, 0x80, 0xfe, 0xff];

    private static readonly Gen<Mutation> OneMutation =
        Gen.Select(
            Gen.Int[0, 6],
            Gen.Int[0, int.MaxValue],
            Gen.Int[0, int.MaxValue],
            (kind, place, value) => new Mutation(kind, place, value));

    private static readonly Gen<(Mutation[] Mutations, bool FixLength, int Piece)> Mutations =
        Gen.Select(OneMutation.Array[1, 4], Gen.Bool, Gen.Int[0, 40], (mutations, fix, piece) => (mutations, fix, piece));

    [Fact]
    public void Server_survives_damaged_client_hellos()
    {
        byte[][] corpus =
        [
            TlsPair.PuppetClientHello(),
            TlsPair.PuppetClientHello(h => h.Set(51, 0, 0)),
            TlsPair.PuppetClientHello(h => h.Extensions.Reverse()),
            .. Traces.TraceFile.All.SelectMany(t => t.Tls).Where(m => m.Name == "ClientHello").Select(m => m.Bytes),
        ];
        Gen.Select(Gen.Int[0, corpus.Length - 1], Mutations).Sample(
            (index, mutations) =>
            {
                var bytes = Apply(corpus[index], mutations.Mutations, mutations.FixLength);
                var core = TlsHandshakeCore.Server(TlsPair.ServerSettings with { Random = new SeededRandom(2) });
                Feed(core, EncryptionLevel.Initial, bytes, mutations.Piece);
            },
            iter: 40_000);
    }

    [Fact]
    public void Parsers_survive_damaged_client_hellos()
    {
        var hello = TlsPair.PuppetClientHello()[4..];
        var other = TlsPair.PuppetClientHello(h => h.Extensions.Reverse())[4..];
        Mutations.Sample(
            mutations =>
            {
                var bytes = Apply(hello, mutations.Mutations, fixLength: false);
                if (!ClientHello.TryParse(bytes, out var parsed) || TlsExtensions.Check(parsed.Extensions) is not null)
                    return;
                Assert.True(ClientHello.TryParse(other, out var second));
                parsed.IsRepeatedBy(second);
                var extensions = new TlsExtensions(parsed.Extensions);
                var total = 0;
                while (extensions.TryNext(out _, out var data))
                {
                    ClientHello.TryReadNumbers(data, out _);
                    ClientHello.TryReadShare(data, NamedGroup.X25519, out _, out _, out _);
                    total += 4 + data.Length;
                }
                Assert.Equal(parsed.Extensions.Length, total);
            },
            iter: 60_000);
    }

    [Fact]
    public void Client_survives_damaged_server_hellos()
    {
        using var puppet = new TlsPuppet(isServer: true);
        var hello = puppet.Hello(new byte[32]);
        puppet.HelloExtensions = [(43, [3, 4]), (51, [0, 0x17]), (44, [0, 3, 1, 2, 3])];
        byte[][] corpus = [hello, puppet.Hello(TlsConstants.HelloRetryRandom), .. ServerHellosOfTraces()];
        Gen.Select(Gen.Int[0, corpus.Length - 1], Mutations).Sample(
            (index, mutations) =>
            {
                var core = TlsHandshakeCore.Client(TlsPair.ClientSettings with { Random = new SeededRandom(1) });
                core.Start();
                var bytes = Apply(corpus[index], mutations.Mutations, mutations.FixLength);
                Feed(core, EncryptionLevel.Initial, bytes, mutations.Piece);
            },
            iter: 20_000);
    }

    [Fact]
    public void Client_survives_damaged_server_flights()
    {
        using var puppet = new TlsPuppet(isServer: true);
        using var template = TlsPair.StartClient(ReplayedClient());
        var clientHello = template.Sent(EncryptionLevel.Initial);
        puppet.Observe(clientHello);
        var hello = puppet.Hello(new byte[32]);
        puppet.Observe(hello);
        puppet.EnterHandshake(TlsPair.ShareOf(clientHello, NamedGroup.X25519));
        var flight = puppet.Flight();
        Mutations.Sample(
            mutations =>
            {
                var core = TlsHandshakeCore.Client(ReplayedClient());
                core.Start();
                Assert.True(core.Receive(EncryptionLevel.Initial, hello));
                // A damaged flight that still completes would mean that a change went unnoticed.
                var bytes = Apply(flight, mutations.Mutations, fixLength: false);
                var accepted = Feed(core, EncryptionLevel.Handshake, bytes, mutations.Piece);
                Assert.True(!accepted || bytes.AsSpan().SequenceEqual(flight));
            },
            iter: 5_000);
    }

    [Fact]
    public void Server_survives_damaged_client_flights()
    {
        var clientHello = TlsPair.PuppetClientHello();
        using var template = TlsPair.StartServer(ReplayedServer());
        Assert.True(template.Core.Receive(EncryptionLevel.Initial, clientHello));
        template.Drain();
        using var puppet = new TlsPuppet(isServer: false);
        var serverHello = template.Sent(EncryptionLevel.Initial);
        puppet.Observe(clientHello);
        puppet.Observe(serverHello);
        puppet.EnterHandshake(TlsPair.ShareOfServerHello(serverHello, NamedGroup.X25519));
        puppet.ObserveAll(template.Sent(EncryptionLevel.Handshake));
        var flight = puppet.Flight();
        Mutations.Sample(
            mutations =>
            {
                var core = TlsHandshakeCore.Server(ReplayedServer());
                Assert.True(core.Receive(EncryptionLevel.Initial, clientHello));
                var bytes = Apply(flight, mutations.Mutations, fixLength: false);
                var accepted = Feed(core, EncryptionLevel.Handshake, bytes, mutations.Piece);
                Assert.True(!accepted || bytes.AsSpan().SequenceEqual(flight));
            },
            iter: 5_000);
    }

    private static TlsClientSettings ReplayedClient() =>
        TlsPair.ClientSettings with { Random = new SeededRandom(1), FixedX25519PrivateKey = TlsPair.PuppetPrivateKey };

    private static TlsServerSettings ReplayedServer() =>
        TlsPair.ServerSettings with { Random = new SeededRandom(2), FixedX25519PrivateKey = TlsPair.PuppetPrivateKey };

    private static IEnumerable<byte[]> ServerHellosOfTraces() =>
        Traces.TraceFile.All
            .SelectMany(t => t.Tls)
            .Where(m => m.Name is "ServerHello" or "HelloRetryRequest")
            .Select(m => m.Bytes);

    // Feeds in pieces, polls everything, and checks the promises. True when the handshake is complete.
    private static bool Feed(TlsHandshakeCore core, EncryptionLevel level, byte[] bytes, int piece)
    {
        using (core)
        {
            var step = piece == 0 ? int.MaxValue : piece;
            var before = GC.GetAllocatedBytesForCurrentThread();
            var ok = true;
            for (var at = 0; ok && at < bytes.Length; at += Math.Min(step, bytes.Length - at))
                ok = core.Receive(level, bytes.AsSpan(at, Math.Min(step, bytes.Length - at)));
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.InRange(allocated, 0, MemoryOfAHandshake + (MemoryPerByte * (long)bytes.Length));
            Assert.Equal(ok, core.ErrorCode == QuicError.NoError);
            Assert.Equal(ok, core.Reason is null);
            while (core.TryPollEvent(out var e))
            {
                Assert.True(ok);
                e.Keys?.Dispose();
            }
            return ok && core.IsComplete;
        }
    }

    private static byte[] Apply(byte[] original, Mutation[] mutations, bool fixLength)
    {
        var bytes = new List<byte>(original);
        foreach (var mutation in mutations)
            mutation.ApplyTo(bytes);
        if (fixLength && bytes.Count >= 4)
        {
            var length = bytes.Count - 4;
            (bytes[1], bytes[2], bytes[3]) = ((byte)(length >> 16), (byte)(length >> 8), (byte)length);
        }
        return [.. bytes];
    }

    private sealed record Mutation(int Kind, int Place, int Value)
    {
        internal void ApplyTo(List<byte> bytes)
        {
            if (bytes.Count == 0)
                return;
            var at = Place % bytes.Count;
            var count = Math.Min(1 + (Value % 40), bytes.Count - at);
            switch (Kind)
            {
                case 0:
                    bytes[at] ^= (byte)(1 << (Value % 8));
                    break;
                case 1:
                    bytes[at] = (byte)Value;
                    break;
                case 2:
                    bytes[at] = Interesting[Value % Interesting.Length];
                    break;
                case 3:
                    bytes.RemoveRange(at, count);
                    break;
                case 4:
                    bytes.InsertRange(at, bytes.GetRange(at, count));
                    break;
                case 5:
                    bytes.InsertRange(at, Enumerable.Repeat((byte)Value, count));
                    break;
                default:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }
    }
}
