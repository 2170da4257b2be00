using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mosaik.Bench.Contracts;

namespace Mosaik.Bench.Peers;

public sealed record JsonOrder(ulong Id, uint Price, uint Amount, byte Side, string Symbol, long Time);

public sealed record JsonEntry(byte[] Key, ulong Version, long Started, string Name, string[] Addresses, byte[][] Tags);

[JsonSerializable(typeof(JsonOrder))]
[JsonSerializable(typeof(JsonEntry))]
[JsonSerializable(typeof(List<int>))]
internal sealed partial class JsonShapes : JsonSerializerContext;

/// <summary>System.Text.Json with its source generator (X1).</summary>
public sealed class SystemTextJsonCodec() : CodecSide("system.text.json")
{
    protected override Action<int> Prepare(string variant) => variant switch
    {
        "order" or "order-hand" => Make(Order(), JsonShapes.Default.JsonOrder),
        "entry" => Make(Entry(), JsonShapes.Default.JsonEntry),
        _ => Make(Numbers(variant), JsonShapes.Default.ListInt32),
    };

    private static JsonOrder Order()
    {
        var o = CodecData.Order;
        return new(o.Id, o.Price, o.Amount, o.Side, o.Symbol, o.Time);
    }

    private static JsonEntry Entry()
    {
        var e = CodecData.Entry;
        return new(e.Key, e.Version, e.Started, e.Name, e.Addresses, e.Tags);
    }

    private static Action<int> Make<T>(T value, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> info)
    {
        var output = new ArrayBufferWriter<byte>(65_536);
        var writer = new Utf8JsonWriter(output);
        return times =>
        {
            for (var i = 0; i < times; i++)
            {
                output.ResetWrittenCount();
                writer.Reset(output);
                JsonSerializer.Serialize(writer, value, info);
                writer.Flush();
                Keep(JsonSerializer.Deserialize(output.WrittenSpan, info));
            }
        };
    }
}
