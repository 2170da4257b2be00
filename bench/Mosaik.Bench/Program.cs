using System.Globalization;
using Mosaik.Bench.Contracts;
using Mosaik.Bench.Peers;
using Mosaik.Bench.Results;
using Mosaik.Bench.Running;
using Mosaik.Bench.Workloads;

return args switch
{
    ["list"] => List(),
    ["floors", .. var rest] => await RunAsync([], rest),
    ["run", .. var rest] => await RunAsync([.. rest.TakeWhile(static a => !a.StartsWith('-'))], [.. rest.SkipWhile(static a => !a.StartsWith('-'))]),
    ["micro", .. var rest] => await MicroAsync([.. rest.TakeWhile(static a => !a.StartsWith('-'))], [.. rest.SkipWhile(static a => !a.StartsWith('-'))]),
    ["compare", "--baseline", var baseline, .. var rest] => Comparison.Compare(
        baseline, [.. rest.TakeWhile(static a => !a.StartsWith('-'))], rest is [.., "--require", "must"], Console.Out),
    ["table", .. var paths] when paths.Length > 0 => Table(paths),
    ["node", var role] => await NodeAsync(role),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine(
        """
        mosaik-bench list
        mosaik-bench floors [--quick] [--out file]
        mosaik-bench run <ID…|all> [--quick|--full] [--rounds n] [--placement free|pinned|both] [--processes 1|2] [--variant v]… [--peer p]… [--out file]
        mosaik-bench micro [catalog|codec]… [--quick|--full] [--rounds n] [--out file]
        mosaik-bench compare --baseline file new1 [new2] [--require must]
        mosaik-bench table file…

        Lines of JSON go to standard output and are appended to the file, a summary goes to standard error.
        run ends with 0 if every target was met, 2 if one was missed or not shown, 3 if a side failed.
        """);
    return 64;
}

static int List()
{
    foreach (var workload in Catalog.All)
    {
        Console.WriteLine($"{workload.Id} {workload.Title}");
        Console.WriteLine($"   variants: {string.Join(" ", workload.Variants)}");
        Console.WriteLine($"   peers: {string.Join(" ", workload.Variants.SelectMany(v => workload.Peers(v)).Select(static p => p().Name).Distinct(StringComparer.Ordinal))}");
    }

    foreach (var (name, version) in PeerList.Versions.OrderBy(static p => p.Key, StringComparer.Ordinal))
        Console.WriteLine($"peer {name} {version}");
    return 0;
}

static int Table(string[] paths)
{
    MarkdownTable.Write(paths, Console.Out);
    return 0;
}

static async Task<int> RunAsync(string[] ids, string[] arguments)
{
    if (Parse(arguments) is not { } options)
        return Usage();
    var all = ids is ["all"];
    var workloads = Catalog.All.Where(w => all || ids.Contains(w.Id, StringComparer.OrdinalIgnoreCase)).ToList();
    if (!all && workloads.Count != ids.Length)
        return Usage();
    var summary = new Summary(Console.Error);
    var runner = new Runner(new ResultWriter(options.Output), summary, options);
    runner.Begin();
    await runner.MeasureFloorsAsync();
    foreach (var workload in workloads)
        await runner.RunAsync(workload);
    return summary.End();
}

static async Task<int> MicroAsync(string[] names, string[] arguments)
{
    if (Parse(arguments) is not { } options || !names.All(Catalog.Micro.ContainsKey))
        return Usage();
    var summary = new Summary(Console.Error);
    var runner = new Runner(new ResultWriter(options.Output), summary, options);
    runner.Begin();
    foreach (var workload in Catalog.Micro.Where(m => names.Length == 0 || names.Contains(m.Key, StringComparer.OrdinalIgnoreCase)))
        await runner.RunAsync(workload.Value);
    return summary.End();
}

static RunOptions? Parse(string[] arguments)
{
    var options = new RunOptions(IsQuick: false, Rounds: 0, Placements: null, Processes: null, Output: null);
    for (var rest = arguments.AsSpan(); rest.Length > 0;)
    {
        switch (rest)
        {
            case ["--quick", ..]:
                options = options with { IsQuick = true };
                rest = rest[1..];
                break;
            case ["--full", ..]:
                options = options with { IsQuick = false };
                rest = rest[1..];
                break;
            case ["--rounds", var n, ..]:
                options = options with { Rounds = int.Parse(n, CultureInfo.InvariantCulture) };
                rest = rest[2..];
                break;
            case ["--placement", var p and ("free" or "pinned" or "both"), ..]:
                Placement[] placements = p switch { "free" => [Placement.Free], "pinned" => [Placement.Pinned], _ => [Placement.Free, Placement.Pinned] };
                options = options with { Placements = placements };
                rest = rest[2..];
                break;
            case ["--processes", var n and ("1" or "2"), ..]:
                options = options with { Processes = int.Parse(n, CultureInfo.InvariantCulture) };
                rest = rest[2..];
                break;
            case ["--peer", var peer, ..]:
                options = options with { Peers = [.. options.Peers, peer] };
                rest = rest[2..];
                break;
            case ["--variant", var variant, ..]:
                options = options with { Variants = [.. options.Variants, variant] };
                rest = rest[2..];
                break;
            case ["--out", var file, ..]:
                options = options with { Output = file };
                rest = rest[2..];
                break;
            default:
                return null;
        }
    }

    return options.Rounds > 0 ? options : options with { Rounds = options.IsQuick ? 3 : 5 };
}

static async Task<int> NodeAsync(string role)
{
    var channel = new NodeChannel(Console.In, Console.Out);
    await using var node = new LocalNode(Catalog.CreateRole(role));
    await channel.SendAsync(await node.StartAsync(await channel.ReceiveAsync<NodeStart>()));
    while (await channel.ReceiveAsync<NodeMeasure>() is { IsEnd: false } measure)
        await channel.SendAsync(await node.MeasureAsync(measure));
    return 0;
}
