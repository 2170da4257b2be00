using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Mosaik.Cli;

/// <summary>One JSON object on one line, for programs that read the tool's output.</summary>
internal static class JsonLine
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>An object of the given members; those that are null are left out.</summary>
    public static string Of(params ReadOnlySpan<(string Name, object? Value)> members)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Options))
        {
            writer.WriteStartObject();
            foreach (var (name, value) in members)
            {
                switch (value)
                {
                    case null:
                        break;
                    case long number:
                        writer.WriteNumber(name, number);
                        break;
                    case double number:
                        writer.WriteNumber(name, number);
                        break;
                    case IEnumerable<string> items:
                        writer.WriteStartArray(name);
                        foreach (var item in items)
                            writer.WriteStringValue(item);
                        writer.WriteEndArray();
                        break;
                    default:
                        writer.WriteString(name, value.ToString());
                        break;
                }
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }
}
