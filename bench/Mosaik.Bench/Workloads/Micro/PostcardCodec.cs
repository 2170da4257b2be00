using System.Buffers;
using Mosaik.Bench.Contracts;
using Mosaik.Postcard;
using PolyType;

namespace Mosaik.Bench.Workloads.Micro;

[GenerateShape]
internal sealed partial record Order(ulong Id, uint Price, uint Amount, byte Side, string Symbol, long Time);

[GenerateShape]
internal sealed partial record Entry(
    byte[] Key, ulong Version, long Started, string Name, string[] Addresses, byte[][] Tags);

/// <summary>Our side of X1: the converter tree from generated shapes, and a codec written by hand over the same reader and
/// writer, as Mosaik's own messages have them.</summary>
internal sealed class PostcardCodec() : CodecSide("mosaik")
{
    protected override Action<int> Prepare(string variant) => variant switch
    {
        "order" => Make(MakeOrder()),
        "order-hand" => MakeByHand(MakeOrder()),
        "entry" => Make(MakeEntry()),
        _ => Make(Numbers(variant)),
    };

    private static Order MakeOrder()
    {
        var o = CodecData.Order;
        return new(o.Id, o.Price, o.Amount, o.Side, o.Symbol, o.Time);
    }

    private static Entry MakeEntry()
    {
        var e = CodecData.Entry;
        return new(e.Key, e.Version, e.Started, e.Name, e.Addresses, e.Tags);
    }

    private static Action<int> Make<T>(T value)
    {
        var output = new ArrayBufferWriter<byte>(16_384);
        var serializer = PostcardSerializer.Default;
        return times =>
        {
            for (var i = 0; i < times; i++)
            {
                output.ResetWrittenCount();
                serializer.Encode(output, value);
                if (!serializer.TryDecode<T>(output.WrittenSpan, out var read).IsSuccess)
                    throw new InvalidDataException("Decoding failed.");
                Keep(read);
            }
        };
    }

    private static Action<int> MakeByHand(Order value)
    {
        var output = new byte[256];
        return times =>
        {
            for (var i = 0; i < times; i++)
            {
                var writer = new PostcardWriter(output);
                Write(ref writer, value);
                var reader = new PostcardReader(writer.Written);
                if (!TryRead(ref reader, out var read))
                    throw new InvalidDataException("Decoding failed.");
                Keep(read);
            }
        };
    }

    private static void Write(ref PostcardWriter writer, Order value)
    {
        writer.WriteUInt64(value.Id);
        writer.WriteUInt32(value.Price);
        writer.WriteUInt32(value.Amount);
        writer.WriteByte(value.Side);
        writer.WriteString(value.Symbol);
        writer.WriteInt64(value.Time);
    }

    private static bool TryRead(ref PostcardReader reader, out Order? value)
    {
        value = null;
        if (!reader.TryReadUInt64(out var id) || !reader.TryReadUInt32(out var price)
            || !reader.TryReadUInt32(out var amount) || !reader.TryReadByte(out var side)
            || !reader.TryReadString(out var symbol) || !reader.TryReadInt64(out var time))
            return false;
        value = new Order(id, price, amount, side, symbol, time);
        return true;
    }
}
