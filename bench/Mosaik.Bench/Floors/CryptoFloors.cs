using System.Security.Cryptography;
using Mosaik.Bench.Contracts;

namespace Mosaik.Bench.Floors;

/// <summary>The primitives a packet and a handshake are made of (spec/performance.md §2.1, §2.6).</summary>
internal static class CryptoFloors
{
    public static FloorResult Seal(TimeSpan window, int length)
    {
        using var aead = new AesGcm(new byte[16], 16);
        var (nonce, data, tag) = (new byte[12], new byte[length], new byte[16]);
        return Time(window, n =>
        {
            for (var i = 0; i < n; i++)
                aead.Encrypt(nonce, data, data, tag);
        });
    }

    public static FloorResult Packet(TimeSpan window)
    {
        using var cipher = new PacketCipher();
        var packet = new byte[NativeUdp.DatagramSize];
        return Time(window, n =>
        {
            for (var i = 0; i < n; i++)
                cipher.Seal(packet, (uint)i);
        });
    }

    public static FloorResult Hkdf(TimeSpan window)
    {
        var (secret, output) = (new byte[32], new byte[32]);
        return Time(window, n =>
        {
            for (var i = 0; i < n; i++)
                HKDF.Expand(HashAlgorithmName.SHA256, secret, output, []);
        });
    }

    public static FloorResult Sha256(TimeSpan window, int length)
    {
        var (data, output) = (new byte[length], new byte[32]);
        return Time(window, n =>
        {
            for (var i = 0; i < n; i++)
                SHA256.HashData(data, output);
        });
    }

    private static FloorResult Time(TimeSpan window, Action<int> runMany)
    {
        var plan = new RunPlan("", Placement.Free, 1, window / 2, window, IsQuick: true);
        var sample = TimedLoop.Time(plan, runMany);
        return new FloorResult(sample.Value, "ns/op", false) { Samples = sample.Operations };
    }
}
