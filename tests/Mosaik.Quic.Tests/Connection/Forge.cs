using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Connection;

/// <summary>Writes the frames of a forged packet.</summary>
internal delegate void FrameSource(ref FrameWriter writer);

/// <summary>Makes authentic packets a real peer would not send, with the keys of one side of a connection.</summary>
internal static class Forge
{
    /// <summary>Far above what the real sender uses, so that no number is used twice.</summary>
    private const ulong NumberOffset = 5000;

    private static ulong Next;

    /// <summary>A packet as if <paramref name="from"/> had sent it.</summary>
    public static byte[] Packet(Peer from, ReadOnlySpan<byte> payload, EncryptionLevel level = EncryptionLevel.OneRtt,
        byte reservedBits = 0, int padTo = 0, ulong? number = null, bool? phase = null, PacketKeys? keys = null)
    {
        var state = from.Core.Level(level);
        keys ??= level == EncryptionLevel.OneRtt ? from.Core.OneRttKeys.Write : state.Write;
        Assert.NotNull(keys);
        ulong packetNumber = number ?? state.Space.NextPacketNumber + NumberOffset + Next++;
        byte[] packet = new byte[2000];
        PacketHeaderLayout layout = level == EncryptionLevel.OneRtt
            ? PacketHeaderWriter.WriteShort(
                packet, from.Core.RemoteIds.Current, phase ?? from.Core.OneRttKeys.WritePhase, packetNumber, 4)
            : PacketHeaderWriter.WriteLong(packet, state.PacketType, from.Core.RemoteIds.Current, from.Core.LocalInitialId,
                default, 2, packetNumber, 4);
        packet[0] |= reservedBits;
        payload.CopyTo(packet.AsSpan(layout.HeaderLength));
        int length = Math.Max(layout.HeaderLength + payload.Length + PacketProtection.TagLength, padTo);
        if (level != EncryptionLevel.OneRtt)
            PacketHeaderWriter.PatchLength(packet, layout, length);
        PacketProtection.Seal(keys, packet.AsSpan(0, length), layout.PacketNumberOffset, layout.PacketNumberLength, packetNumber);
        return packet[..length];
    }

    /// <summary>The bytes of frames.</summary>
    public static byte[] Frames(FrameSource source)
    {
        byte[] bytes = new byte[1400];
        var writer = new FrameWriter(bytes);
        source(ref writer);
        return bytes[..writer.Written];
    }
}
