using System.Text.Json;

namespace Mosaik.EndToEnd.Tests;

/// <summary>
/// Real processes that find each other through one address, notice who goes, and outlive the node they began with.
/// </summary>
/// <remarks>
/// Times are counted from the moment at which the last process has printed its address: twelve runtimes that start on two
/// cores keep them busy for seconds before any of them has a socket.
/// </remarks>
[Collection(Alone.Name)]
public sealed class DiscoveryTests
{
    private const string Network = "e2e-discovery";
    private const int Others = 11;

    private static readonly TimeSpan PurgeAfter = TimeSpan.FromSeconds(20);
    private static readonly string[] Intervals = ["--purge-after", "20s", "--announce-interval", "5s"];

    /// <summary>Code that is instrumented first and compiled once more costs processes that live for seconds, and helps none.</summary>
    private static readonly Dictionary<string, string> ShortLived = new(StringComparer.Ordinal) { ["DOTNET_TieredPGO"] = "0" };

    [Fact]
    public async Task Twelve_processes_find_each_other_and_notice_who_goes_and_who_comes_back()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "sends SIGINT");
        var bootstrap = Bootstrap("127.0.0.1:0");
        var nodes = new List<ToolProcess>();
        var gone = new List<ToolProcess>();
        try
        {
            var address = await bootstrap.AddressAsync();
            for (var i = 0; i < Others; i++)
                nodes.Add(Watcher(address));
            var ids = new Dictionary<ToolProcess, string> { [bootstrap] = IdOf(address) };
            foreach (var node in nodes)
                ids[node] = IdOf(await node.AddressAsync());

            var time = new FairTime(ids.Keys);
            await AllListAllAsync(nodes, ids);
            foreach (var node in nodes)
                await bootstrap.ErrorsContainAsync($"Discovered {ids[node][..10]}");
            // Nearly all of it is twelve runtimes that compile.
            time.AssertAtMost(TimeSpan.FromSeconds(5), "all list all");

            // The power fails: gone everywhere when its entry is too old.
            var victim = Take(nodes, 3, gone);
            time = new FairTime(ids.Keys);
            victim.Kill();
            await NobodyListsAsync(nodes, ids, victim);
            time.AssertAtMost(PurgeAfter + TimeSpan.FromSeconds(1), "the killed one is gone"); // one second to be told and printed

            // A graceful end is told, and those who died before do not hold it up.
            var leaver = Take(nodes, 5, gone);
            time = new FairTime(ids.Keys);
            leaver.Interrupt();
            await NobodyListsAsync(nodes, ids, leaver);
            time.AssertAtMost(TimeSpan.FromSeconds(1), "the interrupted one is gone");
            Assert.Equal(0, await leaver.ExitAsync());
            time.AssertAtMost(TimeSpan.FromSeconds(3), "it has ended");

            // The first node comes back with the same key and address; nobody else is restarted.
            var before = nodes.ConvertAll(node => View(node.Output).GetValueOrDefault(ids[bootstrap]));
            bootstrap.Kill();
            await bootstrap.DisposeAsync();
            ids.Remove(bootstrap);
            bootstrap = Bootstrap(address[(address.IndexOf('@', StringComparison.Ordinal) + 1)..]);
            Assert.Equal(address, await bootstrap.AddressAsync());
            ids[bootstrap] = IdOf(address);
            time = new FairTime(ids.Keys);
            for (var i = 0; i < nodes.Count; i++)
            {
                var old = before[i];
                await nodes[i].OutputAsync(
                    output => View(output).TryGetValue(ids[bootstrap], out var started) && started != old,
                    "the new run of the bootstrap node");
                await bootstrap.ErrorsContainAsync($"Discovered {ids[nodes[i]][..10]}");
            }

            await AllListAllAsync(nodes, ids);
            // Who had a connection with the old run says something within 5 s, is told that it is gone, and syncs with the new one.
            time.AssertAtMost(TimeSpan.FromSeconds(10), "all is whole again");
        }
        finally
        {
            await bootstrap.DisposeAsync();
            foreach (var node in nodes.Concat(gone))
                await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_node_that_knows_only_the_bootstrap_node_finds_a_third_one_and_lists_it()
    {
        await using var bootstrap = Bootstrap("127.0.0.1:0");
        var address = await bootstrap.AddressAsync();
        await using var third = ToolProcess.Mosaik(
            ["sub", "--network", Network, "--stream", "lines", "--peer", address, "--listen", "127.0.0.1:0"]);
        var thirdId = IdOf(await third.AddressAsync());
        await bootstrap.ErrorsContainAsync($"Discovered {thirdId[..10]}");

        await using var watcher = Watcher(address);
        await watcher.OutputAsync(output => View(output).ContainsKey(thirdId), "the third node to be listed");
        var peer = Lines(watcher.Output).Last(line => line.GetProperty("id").ValueEquals(thirdId));
        Assert.Empty(peer.GetProperty("streams").EnumerateArray());
        Assert.Single(peer.GetProperty("addresses").EnumerateArray());

        await using var json = ToolProcess.Mosaik("peers", "--network", Network, "--peer", address, "--wait", "60s", "--json");
        Assert.Equal(0, await json.ExitAsync());
        var first = Assert.Single(Lines(json.Output), line => line.GetProperty("id").ValueEquals(IdOf(address)));
        Assert.Single(first.GetProperty("tags").EnumerateArray());
        Assert.False(first.TryGetProperty("event", out _));

        await using var table = ToolProcess.Mosaik("peers", "--network", Network, "--peer", address, "--wait", "60s");
        Assert.Equal(0, await table.ExitAsync());
        Assert.StartsWith("ID ", table.Output, StringComparison.Ordinal);
        Assert.Contains(IdOf(address)[..10], table.Output, StringComparison.Ordinal);
    }

    private static ToolProcess Bootstrap(string listen) => ToolProcess.Mosaik(
        ShortLived, ["bootstrap", "--network-id", Network, "--secret", "e2e bootstrap", "--listen", listen, .. Intervals]);

    private static ToolProcess Watcher(string peer) => ToolProcess.Mosaik(
        ShortLived,
        ["peers", "--network", Network, "--peer", peer, "--listen", "127.0.0.1:0", "--watch", "--json", .. Intervals]);

    private static string IdOf(string address) => address[..address.IndexOf('@', StringComparison.Ordinal)];

    private static ToolProcess Take(List<ToolProcess> nodes, int index, List<ToolProcess> gone)
    {
        var node = nodes[index];
        nodes.RemoveAt(index);
        gone.Add(node);
        return node;
    }

    private static async Task AllListAllAsync(List<ToolProcess> nodes, Dictionary<ToolProcess, string> ids)
    {
        foreach (var node in nodes)
        {
            var expected = ids.Where(p => p.Key != node).Select(static p => p.Value).ToHashSet(StringComparer.Ordinal);
            await node.OutputAsync(output => expected.SetEquals(View(output).Keys), $"the {expected.Count} others to be listed");
        }
    }

    private static async Task NobodyListsAsync(List<ToolProcess> nodes, Dictionary<ToolProcess, string> ids, ToolProcess gone)
    {
        ids.Remove(gone, out var id);
        foreach (var node in nodes)
            await node.OutputAsync(output => !View(output).ContainsKey(id!), $"{id} to be gone"); // it was one of them
    }

    /// <summary>What the lines of <c>peers --watch --json</c> amount to: the peers that are there, and when they started.</summary>
    private static Dictionary<string, string> View(string output)
    {
        var view = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in Lines(output))
        {
            var id = line.GetProperty("id").GetString()!; // every line has one
            if (line.GetProperty("event").ValueEquals("removed"))
                view.Remove(id);
            else
                view[id] = line.GetProperty("started").GetString()!; // so has every peer that is there
        }

        return view;
    }

    private static IEnumerable<JsonElement> Lines(string output) =>
        output[..(output.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(static line => JsonElement.Parse(line));
}
