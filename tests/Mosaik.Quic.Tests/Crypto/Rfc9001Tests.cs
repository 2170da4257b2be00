using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tests.Crypto;

/// <summary>RFC 9001 Appendix A: Initial keys and packets, Retry, and the ChaCha20 short packet.</summary>
public sealed class Rfc9001Tests
{
    private const int ClientPayloadLength = 1162;
    private const int ClientPacketNumberLength = 4;
    private const int ServerPacketNumberLength = 2;

    [Fact]
    public void Seals_the_client_initial()
    {
        var (client, server) = InitialKeys.Derive(Rfc9001Vectors.ConnectionId);
        using (client)
        using (server)
        {
            var header = Rfc9001Vectors.ClientHeader;
            var packet = new byte[header.Length + ClientPayloadLength + PacketProtection.TagLength];
            header.CopyTo(packet, 0);
            Rfc9001Vectors.ClientPayload.CopyTo(packet, header.Length);
            PacketProtection.Seal(
                client, packet, header.Length - ClientPacketNumberLength, ClientPacketNumberLength, packetNumber: 2);
            Assert.Equal(Rfc9001Vectors.ClientPacket, packet);
        }
    }

    [Fact]
    public void Opens_the_client_initial()
    {
        var (client, server) = InitialKeys.Derive(Rfc9001Vectors.ConnectionId);
        using (client)
        using (server)
        {
            var packet = Rfc9001Vectors.ClientPacket.ToArray();
            var offset = Rfc9001Vectors.ClientHeader.Length - ClientPacketNumberLength;
            Assert.True(PacketProtection.TryRemoveHeaderProtection(
                client.HeaderProtection, packet, offset, out var length, out var number));
            Assert.Equal((ClientPacketNumberLength, 2u), (length, number));
            var header = Rfc9001Vectors.ClientHeader;
            Assert.Equal(header, packet[..header.Length]);
            Assert.True(client.TryOpen(2, packet.AsSpan(0, header.Length), packet.AsSpan(header.Length)));
            byte[] payload = [.. Rfc9001Vectors.ClientPayload, .. new byte[ClientPayloadLength - Rfc9001Vectors.ClientPayload.Length]];
            Assert.Equal(payload, packet[header.Length..^PacketProtection.TagLength]);
        }
    }

    [Fact]
    public void Does_not_open_with_the_keys_of_the_other_direction()
    {
        var (client, server) = InitialKeys.Derive(Rfc9001Vectors.ConnectionId);
        using (client)
        using (server)
        {
            byte[] packet = [.. Rfc9001Vectors.ClientHeader, .. Rfc9001Vectors.ClientPacket[Rfc9001Vectors.ClientHeader.Length..]];
            var header = Rfc9001Vectors.ClientHeader.Length;
            Assert.False(server.TryOpen(2, packet.AsSpan(0, header), packet.AsSpan(header)));
        }
    }

    [Fact]
    public void Seals_the_server_initial()
    {
        var (client, server) = InitialKeys.Derive(Rfc9001Vectors.ConnectionId);
        using (client)
        using (server)
        {
            var header = Rfc9001Vectors.ServerHeader;
            byte[] packet = [.. header, .. Rfc9001Vectors.ServerPayload, .. new byte[PacketProtection.TagLength]];
            PacketProtection.Seal(
                server, packet, header.Length - ServerPacketNumberLength, ServerPacketNumberLength, packetNumber: 1);
            Assert.Equal(Rfc9001Vectors.ServerPacket, packet);
        }
    }

    [Fact]
    public void Computes_and_verifies_the_retry_tag()
    {
        var retry = Rfc9001Vectors.RetryPacket;
        var tag = new byte[RetryIntegrityTag.Length];
        RetryIntegrityTag.Compute(Rfc9001Vectors.ConnectionId, retry.AsSpan(0, retry.Length - tag.Length), tag);
        Assert.Equal(retry[^tag.Length..], tag);
        Assert.True(RetryIntegrityTag.Verify(Rfc9001Vectors.ConnectionId, retry));
        for (var i = 0; i < retry.Length; i++)
        {
            var changed = retry.ToArray();
            changed[i] ^= 1;
            Assert.False(RetryIntegrityTag.Verify(Rfc9001Vectors.ConnectionId, changed));
        }
        Assert.False(RetryIntegrityTag.Verify([1, 2, 3], retry));
        Assert.False(RetryIntegrityTag.Verify(Rfc9001Vectors.ConnectionId, retry.AsSpan(0, 15)));
        Assert.False(RetryIntegrityTag.Verify(new byte[21], retry));
    }

    [Fact]
    public void Seals_the_smallest_chacha20_packet()
    {
        const ulong PacketNumber = 654360564;
        using var keys = PacketKeys.FromSecret(
            CipherSuite.ChaCha20Poly1305Sha256,
            Convert.FromHexString("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b"));
        var packet = new byte[21];
        Convert.FromHexString("4200bff401").CopyTo(packet, 0);
        PacketProtection.Seal(keys, packet, packetNumberOffset: 1, packetNumberLength: 3, PacketNumber);
        Assert.Equal("4cfe4189655e5cd55c41f69080575d7999c25a5bfb", Convert.ToHexStringLower(packet));

        Assert.True(PacketProtection.TryRemoveHeaderProtection(
            keys.HeaderProtection, packet, 1, out var length, out var truncated));
        Assert.Equal((3, 49140u), (length, truncated));
        Assert.True(keys.TryOpen(PacketNumber, packet.AsSpan(0, 4), packet.AsSpan(4)));
        Assert.Equal(1, packet[4]);
    }

    [Theory]
    [InlineData("9f50449e04a0e810283a1e9933adedd2", "d1b1c98dd7689fb8ec11d242b123dc9b", "437b9aec36")]
    [InlineData("c206b8d9b9f0f37644430b490eeaa314", "2cd0991cd25b0aac406a5816b6394100", "2ec0d8356a")]
    public void Computes_the_masks_of_both_initials(string key, string sample, string mask)
    {
        var actual = new byte[HeaderProtection.MaskLength];
        using var byInstructions = HeaderProtection.Create(CipherSuite.Aes128GcmSha256, Convert.FromHexString(key));
        byInstructions.ComputeMask(Convert.FromHexString(sample), actual);
        Assert.Equal(mask, Convert.ToHexStringLower(actual));
        using var byTransform = new AesTransformHeaderProtection(Convert.FromHexString(key));
        byTransform.ComputeMask(Convert.FromHexString(sample), actual);
        Assert.Equal(mask, Convert.ToHexStringLower(actual));
    }
}
