using System.Text.Json;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>The golden vectors of gossip, <c>../shared/vectors/gossip.json</c> beside the checkout.</summary>
internal static class GossipVectors
{
    private static readonly Lazy<JsonElement> Loaded = new(Load);

    public static JsonElement Root => Loaded.Value;

    public static IEnumerable<JsonElement> Each(string property) => Root.GetProperty(property).EnumerateArray();

    public static byte[] Hex(this JsonElement element, string property) =>
        Convert.FromHexString(element.GetProperty(property).GetString()!);

    public static string Text(this JsonElement element, string property) => element.GetProperty(property).GetString()!;

    private static JsonElement Load()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Mosaik.slnx")))
            directory = directory.Parent ?? throw new DirectoryNotFoundException("No directory above holds Mosaik.slnx.");
        string path = Path.Combine(directory.FullName, "..", "shared", "vectors", "gossip.json");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        return document.RootElement.Clone();
    }
}
