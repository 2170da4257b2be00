using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Mosaik.Primitives;

namespace Mosaik.Tests.Primitives;

/// <summary>Walks the categories of <c>wire.json</c> that this room owns; another room or assembly owns each of the others.</summary>
public sealed class WireVectorTests
{
    private static readonly VectorFile File = VectorFile.Load("wire.json");

    private static readonly string[] Own =
    [
        "digest", "digest-format", "digest-json", "derivation", "type-name", "key", "key-verify", "peer-id", "peer-id-text",
        "endpoint-addr", "endpoint-addr-decode",
    ];

    /// <summary>Walked by the tests of Mosaik.Postcard and of Mosaik.Networking.</summary>
    private static readonly string[] Elsewhere =
    [
        "varint", "zigzag", "varint-decode", "varint-reject", "postcard", "postcard-decode", "postcard-reject",
        "frame", "alpn", "close-frame",
    ];

    [Fact]
    public void Every_category_has_an_owner() => Assert.Empty(File.Categories.Except(Own).Except(Elsewhere));

    [Fact]
    public void Digests()
    {
        foreach (Vector v in File.Of("digest"))
        {
            UniqueId id = v.Text("op") switch
            {
                "fromString" => UniqueId.From(v.Text("text")),
                "fromBytesRule" => UniqueId.From(v.Bytes("bytes")),
                "fromRaw" => UniqueId.FromRaw(v.Bytes("bytes")),
                "hash" => UniqueId.Hash(v.Bytes("bytes")),
                "fromParts" => UniqueId.FromParts(
                    [.. v.Inputs.GetProperty("parts").EnumerateArray()
                        .Select(p => (ReadOnlyMemory<byte>)Convert.FromHexString(p.GetString()!))]),
                "derive" => UniqueId.FromRaw(v.Bytes("self")).Derive(v.Bytes("info")),
                "hashed" => UniqueId.FromRaw(v.Bytes("self")).Hashed(),
                "zero" => UniqueId.Zero,
                "fromInteger" => FromInteger(v.Text("type"), BigInteger.Parse(v.Text("value"), CultureInfo.InvariantCulture)),
                var op => throw new NotSupportedException($"{v}: {op}"),
            };
            Assert.True(id == UniqueId.FromRaw(v.Expected), v.Name);
            // The other direction: the text of the result is the id itself, and the bytes survive.
            Assert.True(UniqueId.Parse(id.ToString()) == id && UniqueId.FromRaw(id.AsSpan()) == id, v.Name);
        }
    }

    [Fact]
    public void Digest_formats()
    {
        foreach (Vector v in File.Of("digest-format"))
        {
            UniqueId id = UniqueId.FromRaw(v.Bytes("digest"));
            if (v.Inputs.TryGetProperty("abbreviate", out JsonElement length))
            {
                Assert.Equal(v.ExpectedText, id.ToAbbreviatedString(length.GetInt32()));
                continue;
            }
            string format = v.Text("format");
            Assert.Equal(v.ExpectedText, format == "redacted" ? SecretKey.FromId(id).ToString() : id.ToString(format));
        }
    }

    [Fact]
    public void Digest_json()
    {
        foreach (Vector v in File.Of("digest-json"))
        {
            string json = v.Text("json");
            if (v.ExpectedError == "format")
            {
                Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<UniqueId>(json));
                continue;
            }
            Assert.Null(v.ExpectedError);
            UniqueId id = JsonSerializer.Deserialize<UniqueId>(json);
            Assert.Equal(UniqueId.FromRaw(v.Expected), id);
            Assert.Equal(json.ToLowerInvariant(), JsonSerializer.Serialize(id));
        }
    }

    [Fact]
    public void Derivations()
    {
        foreach (Vector v in File.Of("derivation"))
        {
            switch (v.Text("op"))
            {
                case "streamId":
                    Assert.Equal(StreamId.FromRaw(v.Expected), StreamId.From(v.Text("wireName")));
                    break;
                case "dhtSlot":
                    UniqueId slot = NetworkId.From(v.Text("network"));
                    for (int i = 0; i < v.Inputs.GetProperty("slot").GetInt32(); i++)
                        slot = slot.Derive(slot);
                    Assert.Equal(UniqueId.FromRaw(v.Expected), slot);
                    break;
                case "ticketId":
                    Assert.Equal(UniqueId.FromRaw(v.Expected), UniqueId.FromRaw(v.Bytes("class")).Derive(v.Bytes("data")));
                    break;
                case "gossipTopic":
                    Assert.Equal(v.Expected, NetworkId.From(v.Text("network")).ToByteArray());
                    break;
                case "metricLabel":
                    Assert.Equal(v.ExpectedText, UniqueId.FromRaw(v.Bytes("digest")).ToString("S"));
                    break;
                case var op:
                    throw new NotSupportedException($"{v}: {op}");
            }
        }
    }

    [Fact]
    public void Type_names()
    {
        foreach (Vector v in File.Of("type-name"))
        {
            string name = WireNames.Of(ClrTypes[v.Text("clrType")]);
            Assert.Equal(v.Json.GetProperty("wireName").GetString(), name);
            Assert.Equal(StreamId.FromRaw(v.Expected), StreamId.From(name));
        }
    }

    [Fact]
    public void Keys()
    {
        foreach (Vector v in File.Of("key"))
        {
            switch (v.Text("op"))
            {
                case "publicKey":
                    Assert.Equal(v.Expected, SecretKey.FromSeed(v.Bytes("seed")).PeerId.ToByteArray());
                    break;
                case "sign":
                    SecretKey key = SecretKey.FromSeed(v.Bytes("seed"));
                    Assert.Equal(v.Expected, key.Sign(v.Bytes("message")).ToByteArray());
                    Assert.True(Mosaik.Quic.Crypto.Ed25519Strict.Verify(key.PeerId.AsSpan(), v.Bytes("message"), v.Expected), v.Name);
                    break;
                case "publicKeyOfText":
                    Assert.Equal(v.Expected, SecretKey.FromText(v.Text("text")).PeerId.ToByteArray());
                    break;
                case var op:
                    throw new NotSupportedException($"{v}: {op}");
            }
        }
    }

    [Fact]
    public void Strict_verification()
    {
        foreach (Vector v in File.Of("key-verify"))
        {
            // A small-order key still decodes as a peer id; nothing verifies under it.
            Assert.True(PeerId.TryFromRaw(v.Bytes("public"), out PeerId id), v.Name);
            bool verified = Mosaik.Quic.Crypto.Ed25519Strict.Verify(id.AsSpan(), v.Bytes("message"), v.Bytes("signature"));
            Assert.True(v.ExpectedResult.GetBoolean() == verified, v.Name);
        }
    }

    [Fact]
    public void Peer_ids()
    {
        foreach (Vector v in File.Of("peer-id"))
        {
            bool valid = PeerId.TryFromRaw(v.Bytes("bytes"), out PeerId id);
            Assert.True(valid == v.ExpectedError is null, v.Name);
            if (valid)
                Assert.Equal(v.Expected, id.ToByteArray());
            else
                Assert.Equal("invalid-point", v.ExpectedError);
        }
    }

    [Fact]
    public void Peer_id_texts()
    {
        foreach (Vector v in File.Of("peer-id-text"))
        {
            bool valid = PeerId.TryParse(v.Text("text"), out PeerId id);
            Assert.True(valid == v.ExpectedError is null, v.Name);
            if (!valid)
            {
                Assert.Equal("format", v.ExpectedError);
                continue;
            }
            Assert.Equal(v.Expected, id.ToByteArray());
            Assert.Contains(v.Text("text").ToLowerInvariant(), new[] { id.ToString(), Base32.Encode(id.AsSpan()) });
        }
    }

    [Fact]
    public void Endpoint_addresses()
    {
        foreach (Vector v in File.Of("endpoint-addr"))
        {
            PeerId id = PeerId.FromRaw(v.Bytes("id"));
            var address = new EndpointAddress(
                id, v.Inputs.GetProperty("addrs").EnumerateArray().Select(a => TransportAddress.Parse(a.GetString()!)));
            Assert.Equal(Convert.ToHexStringLower(v.Expected), Convert.ToHexStringLower(address.Encode()));
            Assert.True(EndpointAddress.TryDecode(v.Expected, out EndpointAddress? decoded), v.Name);
            Assert.Equal(address, decoded);
        }
    }

    [Fact]
    public void Endpoint_addresses_that_are_only_decoded()
    {
        foreach (Vector v in File.Of("endpoint-addr-decode"))
        {
            Assert.True(EndpointAddress.TryDecode(v.Bytes("bytes"), out EndpointAddress? decoded), v.Name);
            Assert.Equal(v.ExpectedText, Assert.Single(decoded.Addresses).ToString());
            Assert.Equal(v.Bytes("bytes"), decoded.Encode());
        }
    }

    private static readonly Dictionary<string, Type> ClrTypes = new(StringComparer.Ordinal)
    {
        ["string"] = typeof(string),
        ["ulong"] = typeof(ulong),
        ["uint"] = typeof(uint),
        ["ushort"] = typeof(ushort),
        ["byte"] = typeof(byte),
        ["long"] = typeof(long),
        ["int"] = typeof(int),
        ["short"] = typeof(short),
        ["sbyte"] = typeof(sbyte),
        ["UInt128"] = typeof(UInt128),
        ["Int128"] = typeof(Int128),
        ["nuint"] = typeof(nuint),
        ["nint"] = typeof(nint),
        ["bool"] = typeof(bool),
        ["float"] = typeof(float),
        ["double"] = typeof(double),
        ["System.Text.Rune"] = typeof(System.Text.Rune),
        ["byte[]"] = typeof(byte[]),
        ["uint?"] = typeof(uint?),
        ["(byte, string)"] = typeof((byte, string)),
        ["System.Collections.Generic.List<string>"] = typeof(List<string>),
        ["System.Collections.Generic.Dictionary<string, ulong>"] = typeof(Dictionary<string, ulong>),
        ["System.Collections.Generic.SortedDictionary<string, ulong>"] = typeof(SortedDictionary<string, ulong>),
        ["System.Collections.Generic.HashSet<byte>"] = typeof(HashSet<byte>),
        ["System.Collections.Generic.SortedSet<byte>"] = typeof(SortedSet<byte>),
        ["System.TimeSpan"] = typeof(TimeSpan),
        ["Mosaik.UniqueId"] = typeof(UniqueId),
        ["Mosaik.NetworkId"] = typeof(NetworkId),
        ["Mosaik.PeerId"] = typeof(PeerId),
        ["System.Net.IPAddress"] = typeof(System.Net.IPAddress),
        ["System.Net.IPEndPoint"] = typeof(System.Net.IPEndPoint),
        ["int[]"] = typeof(int[]),
        ["System.ValueTuple<byte>"] = typeof(ValueTuple<byte>),
        ["struct with [InlineArray(4)] of byte"] = typeof(FourBytes),
        ["Acme.Trading.PriceUpdate"] = typeof(Acme.Trading.PriceUpdate),
        ["Acme.Outer+Inner"] = typeof(Acme.Outer.Inner),
        ["Acme.Box<string>"] = typeof(Acme.Box<string>),
    };

    private static UniqueId FromInteger(string type, BigInteger value) => type switch
    {
        "u8" => UniqueId.FromByte((byte)value),
        "u16" => UniqueId.FromUInt16((ushort)value),
        "u32" => UniqueId.FromUInt32((uint)value),
        "u64" => UniqueId.FromUInt64((ulong)value),
        "u128" => UniqueId.FromUInt128((UInt128)value),
        "usize" => UniqueId.FromUIntPtr((nuint)value),
        "i8" => UniqueId.FromSByte((sbyte)value),
        "i16" => UniqueId.FromInt16((short)value),
        "i32" => UniqueId.FromInt32((int)value),
        "i64" => UniqueId.FromInt64((long)value),
        "i128" => UniqueId.FromInt128((Int128)value),
        "isize" => UniqueId.FromIntPtr((nint)value),
        _ => throw new NotSupportedException(type),
    };

    [InlineArray(4)]
    private struct FourBytes
    {
        private byte _element;
    }
}
