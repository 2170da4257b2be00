using System.CommandLine;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Cli.Commands;

/// <summary><c>mosaik peers</c>: joins a network and shows who is there.</summary>
internal static class PeersCommand
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(5);

    private static readonly Option<bool> Watch = new("--watch", "-W")
    {
        Description = "Stays, and shows every change; on a terminal as a live table. Default: one table, then the node leaves.",
    };

    private static readonly Option<TimeSpan?> Wait = NodeOptions.Duration(
        "--wait", "Without --watch: how long to look for peers; ends earlier when no new one was found for 1 s. Default: 5s.");

    public static Command Create()
    {
        var command = new Command("peers", "Joins a network as a node and lists the other nodes.")
        {
            NodeOptions.Network, Watch, Wait,
        };
        NodeOptions.AddTo(command);
        command.SetAction((parsed, cancellation) => Node.RunAsync(parsed, Settings(parsed), RunAsync, cancellation));
        return command;
    }

    private static NodeSettings Settings(ParseResult parsed)
    {
        var settings = NodeSettings.Of(parsed);
        return settings with
        {
            Discovery = settings.Discovery with
            {
                BootstrapPeers = [.. parsed.GetValue(NodeOptions.Peers) ?? []],
                RttProbe = RttProbe.Always,
            },
        };
    }

    private static Task<int> RunAsync(Node node, CancellationToken cancellation) =>
        !node.Parsed.GetValue(Watch) ? ListAsync(node, cancellation)
        : node.Json || Console.IsOutputRedirected ? FollowAsync(node, cancellation)
        : ShowAsync(node, cancellation);

    /// <summary>Looks for a while, prints what there is.</summary>
    private static async Task<int> ListAsync(Node node, CancellationToken cancellation)
    {
        var discovery = node.Network.Discovery;
        var wait = node.Parsed.GetValue(Wait) ?? DefaultWait;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(wait);
        var started = TimeProvider.System.GetTimestamp();
        try
        {
            await foreach (var update in discovery.WatchCatalogAsync(limit.Token).ConfigureAwait(false))
            {
                // The first peer may take all the time there is; after each one there is a new second of patience.
                var left = wait - TimeProvider.System.GetElapsedTime(started);
                if (update.Added.Count > 0 && left > Quiet)
                    limit.CancelAfter(Quiet);
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // Time is up, or nothing new came.
        }

        var peers = discovery.Catalog.Peers.ToList();
        if (peers.Count == 0)
            throw new ToolException($"no peer was found within {DurationText.Of(wait)}");
        Print(node, peers);
        return ExitCode.Success;
    }

    private static void Print(Node node, List<PeerInfo> peers)
    {
        if (!node.Json)
        {
            Console.WriteLine(PeerTable.Of(peers, DateTimeOffset.UtcNow));
            return;
        }

        foreach (var peer in peers)
            Console.WriteLine(PeerTable.JsonOf(peer, DateTimeOffset.UtcNow));
    }

    /// <summary>One line per change; keep-alives are none, a restart is one.</summary>
    private static async Task<int> FollowAsync(Node node, CancellationToken cancellation)
    {
        var shown = new Dictionary<PeerId, PeerEntry>();
        await foreach (var update in node.Network.Discovery.WatchCatalogAsync(cancellation).ConfigureAwait(false))
        {
            foreach (var id in update.Removed.Where(shown.Remove))
                Console.WriteLine(node.Json ? PeerTable.JsonOfRemoved(id) : $"- {id}");
            foreach (var id in update.Added.Union(update.Updated))
            {
                if (update.Catalog.Get(id) is not { } peer)
                    continue; // gone again, or slower than wanted
                var known = shown.TryGetValue(id, out var before);
                if (known && before!.ContentEquals(peer.Entry) && before.StartedAt == peer.StartedAt) // known, hence not null
                    continue;
                shown[id] = peer.Entry;
                Console.WriteLine(node.Json
                    ? PeerTable.JsonOf(peer, DateTimeOffset.UtcNow, known ? "updated" : "added")
                    : $"{(known ? '*' : '+')} {PeerText.Of(peer.Address)}");
            }
        }

        return ExitCode.Success;
    }

    /// <summary>A table that is drawn again every second.</summary>
    private static async Task<int> ShowAsync(Node node, CancellationToken cancellation)
    {
        const string homeAndClear = "\e[H\e[J";
        using var timer = new PeriodicTimer(Refresh);
        do
        {
            var peers = node.Network.Discovery.Catalog.Peers.ToList();
            Console.WriteLine(
                $"{homeAndClear}{peers.Count} peers of {node.Network.NetworkId:S}, this is {node.Network.Local.Id:S}\n\n"
                + PeerTable.Of(peers, DateTimeOffset.UtcNow));
        }
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false));
        return ExitCode.Success;
    }
}
