using System.Text;
using Mosaik.Networking;

namespace Mosaik.Tests.Networking;

/// <summary>Names and numbers on the wire, against the vectors (spec/wire.md §7, §8).</summary>
public sealed class WireConstantsTests
{
    [Fact]
    public void Protocol_names_match_the_vectors()
    {
        var accepted = new Dictionary<string, string>
        {
            ["alpn/announce"] = WireProtocol.Announce.AcceptedAlpn[0],
            ["alpn/announce-alias"] = WireProtocol.Announce.AcceptedAlpn[1],
            ["alpn/sync"] = WireProtocol.Sync.AcceptedAlpn[0],
            ["alpn/sync-alias"] = WireProtocol.Sync.AcceptedAlpn[1],
            ["alpn/ping"] = WireProtocol.Ping.AcceptedAlpn.Single(),
            ["alpn/streams"] = WireProtocol.Streams.AcceptedAlpn.Single(),
            ["alpn/groups"] = WireProtocol.Groups.AcceptedAlpn.Single(),
        };
        foreach (var vector in VectorFile.Load("wire.json").Of("alpn"))
        {
            Assert.True(accepted.Remove(vector.Name, out var name), vector.Name);
            Assert.Equal(vector.Text("text"), name);
            Assert.Equal(vector.Expected, Encoding.ASCII.GetBytes(name));
        }

        Assert.Empty(accepted);
        Assert.All(WireProtocol.All, p => Assert.Equal(p.Alpn, p.AcceptedAlpn[0]));
    }

    [Fact]
    public void The_reserved_name_is_neither_dialled_nor_accepted() =>
        Assert.DoesNotContain("/mosaik/discovery/sync-delta/1", WireProtocol.All.SelectMany(p => p.AcceptedAlpn));

    [Fact]
    public void Close_codes_match_the_vectors()
    {
        var named = typeof(CloseCode).GetFields().Where(f => f.IsStatic)
            .Select(f => (CloseCode)f.GetValue(null)!).ToDictionary(c => c.Value);
        foreach (var vector in VectorFile.Load("wire.json").Of("close-frame"))
        {
            var value = (ulong)vector.Int64("code");
            Assert.True(named.Remove(value, out var code), vector.Name);
            Assert.Equal(vector.Text("reason"), code.Name);
            byte[] reason = Encoding.ASCII.GetBytes(code.Name);
            byte[] frame = [0x1d, .. VarInt(value), .. VarInt((ulong)reason.Length), .. reason];
            Assert.Equal(vector.Expected, frame);
        }

        Assert.Empty(named);
    }

    [Fact]
    public void Unknown_codes_survive()
    {
        var code = new CloseCode(123_456_789);
        Assert.Equal(123_456_789ul, code.Value);
        Assert.Equal("", code.Name);
        Assert.Equal("123456789", code.ToString());
        Assert.Equal("400 (ProtocolViolation)", CloseCode.ProtocolViolation.ToString());
        Assert.NotEqual(CloseCode.NotAllowed, CloseCode.GroupNotAllowed);
    }

    [Fact]
    public void Limits_are_those_of_the_specification()
    {
        Assert.Equal(64 * 1024 * 1024, WireProtocol.Sync.MaxInboundPayload);
        Assert.Equal(256 * 1024, WireProtocol.Ping.MaxInboundPayload);
        Assert.Equal(4096, WireProtocol.Streams.MaxInboundPayload);
        Assert.Equal(4 * 1024 * 1024, WireProtocol.Groups.MaxInboundPayload);
        Assert.Equal(4096, WireProtocol.Announce.MaxInboundPayload);
        Assert.Equal([10, 5, 5, 2], new[] { WireProtocol.Sync, WireProtocol.Ping, WireProtocol.Streams, WireProtocol.Groups }
            .Select(p => p.FirstMessageDeadline.TotalSeconds));
        Assert.Equal(CloseCode.InvalidHandshake, WireProtocol.Groups.ViolationCode);
        Assert.Equal(CloseCode.Timeout, WireProtocol.Groups.TimeoutCode);
        Assert.All(
            new[] { WireProtocol.Sync, WireProtocol.Ping, WireProtocol.Streams },
            p => Assert.Equal((CloseCode.ProtocolViolation, CloseCode.Cancelled), (p.ViolationCode, p.TimeoutCode)));
    }

    private static byte[] VarInt(ulong value) => value switch
    {
        < 1ul << 6 => [(byte)value],
        < 1ul << 14 => [(byte)(0x40 | (value >> 8)), (byte)value],
        < 1ul << 30 => [(byte)(0x80 | (value >> 24)), (byte)(value >> 16), (byte)(value >> 8), (byte)value],
        _ => throw new ArgumentOutOfRangeException(nameof(value)),
    };
}
