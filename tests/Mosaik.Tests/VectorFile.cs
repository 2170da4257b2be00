using System.Collections.Concurrent;
using System.Text.Json;

namespace Mosaik.Tests;

/// <summary>One file of golden vectors in <c>../shared/vectors</c>, beside the checkout.</summary>
internal sealed class VectorFile
{
    private static readonly ConcurrentDictionary<string, VectorFile> Files = new(StringComparer.Ordinal);

    private readonly Vector[] _vectors;

    private VectorFile(string name)
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Mosaik.slnx")))
            directory = directory.Parent ?? throw new DirectoryNotFoundException("No directory above holds Mosaik.slnx.");
        string path = Path.Combine(directory.FullName, "..", "shared", "vectors", name);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        _vectors = [.. document.RootElement.GetProperty("vectors").EnumerateArray().Select(e => new Vector(e.Clone()))];
        Assert.Equal(document.RootElement.GetProperty("count").GetInt32(), _vectors.Length);
    }

    public IEnumerable<string> Categories => _vectors.Select(v => v.Category).Distinct();

    public static VectorFile Load(string name) => Files.GetOrAdd(name, static n => new VectorFile(n));

    public IReadOnlyList<Vector> Of(string category)
    {
        Vector[] found = [.. _vectors.Where(v => v.Category == category)];
        Assert.NotEmpty(found);
        return found;
    }

    public Vector this[string name] => _vectors.Single(v => v.Name == name);
}

/// <summary>One golden vector.</summary>
internal sealed record Vector(JsonElement Json)
{
    public string Name => Json.GetProperty("name").GetString()!;

    public string Category => Json.GetProperty("category").GetString()!;

    public JsonElement Inputs => Json.GetProperty("inputs");

    public string? ExpectedText => Optional("expectedText")?.GetString();

    public string? ExpectedError => Optional("expectedError")?.GetString();

    public JsonElement ExpectedResult => Json.GetProperty("expectedResult");

    public byte[] Expected => Convert.FromHexString(Json.GetProperty("expected").GetString()!);

    public JsonElement? Optional(string property) =>
        Json.TryGetProperty(property, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public string Text(string input) => Inputs.GetProperty(input).GetString()!;

    public byte[] Bytes(string input) => Convert.FromHexString(Text(input));

    public long Int64(string input) => Int64(Inputs.GetProperty(input));

    public static long Int64(JsonElement value) => value.ValueKind == JsonValueKind.String
        ? long.Parse(value.GetString()!, System.Globalization.CultureInfo.InvariantCulture)
        : value.GetInt64();

    public override string ToString() => Name;
}
