using System.Buffers;
using MessagePack;
using Mosaik.Bench.Contracts;

namespace Mosaik.Bench.Peers;

[MessagePackObject]
public sealed record MessagePackOrder(
    [property: Key(0)] ulong Id, [property: Key(1)] uint Price, [property: Key(2)] uint Amount, [property: Key(3)] byte Side,
    [property: Key(4)] string Symbol, [property: Key(5)] long Time);

[MessagePackObject]
public sealed record MessagePackEntry(
    [property: Key(0)] byte[] Id, [property: Key(1)] ulong Version, [property: Key(2)] long Started, [property: Key(3)] string Name,
    [property: Key(4)] string[] Addresses, [property: Key(5)] byte[][] Tags);

/// <summary>MessagePack-CSharp with integer keys and its default resolver (X1).</summary>
public sealed class MessagePackCodec() : CodecSide("messagepack")
{
    protected override Action<int> Prepare(string variant) => variant switch
    {
        "order" or "order-hand" => Make(Order()),
        "entry" => Make(Entry()),
        _ => Make(Numbers(variant)),
    };

    private static MessagePackOrder Order()
    {
        var o = CodecData.Order;
        return new(o.Id, o.Price, o.Amount, o.Side, o.Symbol, o.Time);
    }

    private static MessagePackEntry Entry()
    {
        var e = CodecData.Entry;
        return new(e.Key, e.Version, e.Started, e.Name, e.Addresses, e.Tags);
    }

    private static Action<int> Make<T>(T value)
    {
        var output = new ArrayBufferWriter<byte>(16_384);
        return times =>
        {
            for (var i = 0; i < times; i++)
            {
                output.ResetWrittenCount();
                MessagePackSerializer.Serialize(output, value);
                Keep(MessagePackSerializer.Deserialize<T>(output.WrittenMemory));
            }
        };
    }
}
