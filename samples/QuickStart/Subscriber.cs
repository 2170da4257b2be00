using Mosaik;

namespace QuickStart;

/// <summary>Receives lines, shows the first ones, writes all of them to a copy.</summary>
internal static class Subscriber
{
    private const int Shown = 3;

    public static async Task<int> RunAsync(string copy)
    {
        await using var network = await Network.StartAsync("quick-start");
        await using var consumer = network.Streams.Consume<Line>();
        Console.WriteLine(network.Local.Address);

        await using var output = new StreamWriter(copy) { NewLine = "\n" };
        await foreach (var line in consumer)
        {
            if (line.Number <= Shown)
                Console.WriteLine($"{line.Number,4}  {line.Text}");
            await output.WriteLineAsync(line.Text);
            if (!line.IsLast)
                continue;
            Console.WriteLine($"      ... {line.Number} lines");
            return 0;
        }

        return 1;
    }
}
