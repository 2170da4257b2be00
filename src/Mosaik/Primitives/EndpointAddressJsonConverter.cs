using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mosaik.Primitives;

/// <summary>
/// <c>{"id":"…","addrs":[{"Relay":"https://…/"},{"Ip":"1.2.3.4:5"}]}</c> (spec/wire.md §5.1). Unknown members are
/// skipped;
/// custom addresses are written and read as <c>{"Custom":{"id":7,"data":"hex"}}</c>.
/// </summary>
internal sealed class EndpointAddressJsonConverter : JsonConverter<EndpointAddress>
{
    public override EndpointAddress Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("id", out JsonElement id)
            || id.ValueKind != JsonValueKind.String
            || !PeerId.TryParse(id.GetString(), null, out PeerId peer))
        {
            throw new JsonException("An endpoint address needs an \"id\" that is a peer id.");
        }
        var addresses = new List<TransportAddress>();
        if (root.TryGetProperty("addrs", out JsonElement addrs))
        {
            if (addrs.ValueKind != JsonValueKind.Array)
                throw new JsonException("\"addrs\" must be an array.");
            foreach (JsonElement element in addrs.EnumerateArray())
                addresses.Add(ReadAddress(element));
        }
        return new EndpointAddress(peer, addresses);
    }

    public override void Write(Utf8JsonWriter writer, EndpointAddress value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        writer.WriteString("id", Convert.ToHexStringLower(value.Id.AsSpan()));
        writer.WriteStartArray("addrs");
        foreach (TransportAddress address in value.Addresses)
        {
            writer.WriteStartObject();
            switch (address)
            {
                case TransportAddress.Relay relay:
                    writer.WriteString("Relay", relay.Url);
                    break;
                case TransportAddress.Ip ip:
                    writer.WriteString("Ip", ip.ToString());
                    break;
                case TransportAddress.Custom custom:
                    writer.WriteStartObject("Custom");
                    writer.WriteNumber("id", custom.Transport);
                    writer.WriteString("data", Convert.ToHexStringLower(custom.Data.Span));
                    writer.WriteEndObject();
                    break;
            }
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static TransportAddress ReadAddress(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Object)
        {
            if (element.TryGetProperty("Relay", out JsonElement relay) && relay.ValueKind == JsonValueKind.String)
                return new TransportAddress.Relay(relay.GetString()!); // a JSON string is never null
            if (element.TryGetProperty("Ip", out JsonElement ip) && ip.ValueKind == JsonValueKind.String
                && IPEndPoint.TryParse(ip.GetString()!, out IPEndPoint? endPoint))
            {
                return new TransportAddress.Ip(endPoint);
            }
            if (element.TryGetProperty("Custom", out JsonElement custom) && TryReadCustom(custom) is { } address)
                return address;
        }
        throw new JsonException($"Not a transport address: {element.GetRawText()}");
    }

    private static TransportAddress.Custom? TryReadCustom(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object
            || !element.TryGetProperty("id", out JsonElement id) || !id.TryGetUInt64(out ulong transport)
            || !element.TryGetProperty("data", out JsonElement data) || data.ValueKind != JsonValueKind.String)
        {
            return null;
        }
        Span<byte> inline = stackalloc byte[TransportAddress.Custom.InlineCapacity];
        inline.Clear();
        try
        {
            byte[] bytes = Convert.FromHexString(data.GetString()!); // a JSON string is never null
            if (bytes.Length > inline.Length)
                return new TransportAddress.Custom(transport, false, bytes, bytes.Length);
            bytes.CopyTo(inline);
            return new TransportAddress.Custom(transport, true, inline, bytes.Length);
        }
        catch (FormatException)
        {
            return null; // the caller reports the element
        }
    }
}
