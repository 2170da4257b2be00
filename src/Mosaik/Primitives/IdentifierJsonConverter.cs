using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mosaik.Primitives;

/// <summary>
/// JSON form of every identifier: 64 hexadecimal characters; strict on reading, no hash fallback (spec/wire.md §1.4).
/// </summary>
/// <typeparam name="T">The identifier type.</typeparam>
internal sealed class IdentifierJsonConverter<T> : JsonConverter<T>
    where T : struct, IIdentifier<T>
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        Span<byte> raw = stackalloc byte[UniqueId.Length];
        if (reader.TokenType == JsonTokenType.String
            && IdText.TryParseHex(reader.GetString(), raw)
            && T.TryFromRaw(raw, out T id))
        {
            return id;
        }
        throw new JsonException($"Expected 64 hexadecimal characters that name a {typeof(T).Name}.");
    }

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
    {
        Span<byte> raw = stackalloc byte[UniqueId.Length];
        value.CopyTo(raw);
        Span<byte> text = stackalloc byte[UniqueId.Length * 2];
        Convert.TryToHexStringLower(raw, text, out _);
        writer.WriteStringValue(text);
    }

    public override T ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        Span<byte> raw = stackalloc byte[UniqueId.Length];
        return IdText.TryParseHex(reader.GetString(), raw) && T.TryFromRaw(raw, out T id)
            ? id
            : throw new JsonException($"Expected 64 hexadecimal characters that name a {typeof(T).Name}.");
    }

    public override void WriteAsPropertyName(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
    {
        Span<byte> raw = stackalloc byte[UniqueId.Length];
        value.CopyTo(raw);
        writer.WritePropertyName(Convert.ToHexStringLower(raw));
    }
}
