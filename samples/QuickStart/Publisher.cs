using Mosaik;
using Mosaik.Primitives;

namespace QuickStart;

/// <summary>Sends every line of a file to two subscribers whose addresses it was told.</summary>
internal static class Publisher
{
    public static async Task<int> RunAsync(string file, string[] peers)
    {
        await using var network = await Network.StartAsync("quick-start");
        await using var producer = network.Streams.Produce<Line>();

        // First contact: one address each. From then on they know each other, and the consumers subscribe by themselves.
        foreach (var peer in peers)
            await network.SyncWithAsync(EndpointAddress.Parse(peer));
        await producer.When.Subscribed().AtLeast(peers.Length);

        var lines = await File.ReadAllLinesAsync(file);
        for (var i = 0; i < lines.Length; i++)
            await producer.WriteAsync(new Line(i + 1, lines[i], IsLast: i == lines.Length - 1));
        await producer.FlushAsync();
        return 0;
    }
}
