using System.Buffers;
using MemoryPack;
using Mosaik.Bench.Contracts;

namespace Mosaik.Bench.Peers;

[MemoryPackable]
public sealed partial record MemoryPackOrder(ulong Id, uint Price, uint Amount, byte Side, string Symbol, long Time);

[MemoryPackable]
public sealed partial record MemoryPackEntry(
    byte[] Key, ulong Version, long Started, string Name, string[] Addresses, byte[][] Tags);

/// <summary>MemoryPack with its generated formatters (X1).</summary>
public sealed class MemoryPackCodec() : CodecSide("memorypack")
{
    protected override Action<int> Prepare(string variant) => variant switch
    {
        "order" or "order-hand" => Make(Order()),
        "entry" => Make(Entry()),
        _ => Make(Numbers(variant)),
    };

    private static MemoryPackOrder Order()
    {
        var o = CodecData.Order;
        return new(o.Id, o.Price, o.Amount, o.Side, o.Symbol, o.Time);
    }

    private static MemoryPackEntry Entry()
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
                MemoryPackSerializer.Serialize(output, value);
                Keep(MemoryPackSerializer.Deserialize<T>(output.WrittenSpan));
            }
        };
    }
}
