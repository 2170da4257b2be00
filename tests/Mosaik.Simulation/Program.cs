using System.Globalization;
using Mosaik.Simulation;
using Mosaik.Simulation.Mutants;
using Mosaik.Simulation.Raft;

return Cli.Run(args);

/// <summary>The command line (spec/reliability.md §9.2).</summary>
internal static class Cli
{
    private const int UsageExitCode = 3;

    private const string Usage = """
        worlds                                                  lists the worlds
        run <world>|all --seeds <n> [--from <seed>] [--threads <t>]
                                                                runs n seeds
        <world> --seeds <n> [--from <seed>] [--threads <t>]     the same
        discovery [--nodes <n>] --seeds <n> [--from <seed>] [--threads <t>]
                                                                the same for the world discovery/<n>, with figures per seed
        raft [--nodes <n> --safety available|majority:<n> [--faults none|churn|restarts|all]] --seeds <n> [--from <seed>] [--threads <t>]
                                                                the same for the world raft/<n>/<safety>/<faults>
        replay <world> <seed> [--plan <p>] [--until <step>] [--log]
                                                                runs one seed again
        determinism <world> [--seeds <n>] [--from <seed>]       runs each seed twice here and once in another process
        mutants plant <tree> <list> <catalogue>...              plants bugs into a copy of the source (eng/mutants)
        mutants run <list> [--seeds <n>] [--from <seed>] [--threads <t>] [--worlds <w,w>]
                                                                in a planted build: seeds under each bug, until one shows it
        Exit codes: 0 no violation, 1 violation, 2 nondeterminism, 3 usage. Seeds are decimal or 0x hexadecimal.
        """;

    public static int Run(string[] args)
    {
        try
        {
            return args switch
            {
                ["worlds"] => ListWorlds(),
                ["run", "all", .. var rest] => RunSeeds(null, rest),
                ["run", var name, .. var rest] when Worlds.Find(name) is { } world => RunSeeds(world, rest),
                ["discovery", .. var rest] => RunDiscovery(rest),
                ["raft", .. var rest] => RunRaft(rest),
                ["replay", var name, var seed, .. var rest] when Worlds.Find(name) is { } world =>
                    Replay(world, ParseSeed(seed), rest),
                ["mutants", "plant", var tree, var list, .. var catalogues] => Planter.Plant(catalogues, tree, list),
                ["mutants", "run", var list, .. var rest] => RunMutants(list, rest),
                ["determinism", var name, .. var rest] when Worlds.Find(name) is { } world => Determinism(world, rest),
                [var name, .. var rest] when Worlds.Find(name) is { } world => RunSeeds(world, rest),
                _ => Fail("unknown command or world"),
            };
        }
        catch (FormatException e)
        {
            return Fail(e.Message);
        }
    }

    private static int ListWorlds()
    {
        foreach (IWorld world in Worlds.All)
            Console.WriteLine($"{world.Name,-20} plan {world.Plan}  {world.Summary}");
        return 0;
    }

    private static int RunSeeds(IWorld? world, string[] rest, bool showsEach = false)
    {
        Dictionary<string, string> options = ParseOptions(rest, "--seeds", "--from", "--threads");
        if (!options.TryGetValue("--seeds", out string? seeds))
            return Fail("--seeds is missing");
        ulong from = ParseSeed(options.GetValueOrDefault("--from", "0"));
        int threads = ParseCount(options.GetValueOrDefault("--threads", "1"));
        return world is null
            ? Runner.RunAll(from, ParseCount(seeds), threads)
            : Runner.Run(world, from, ParseCount(seeds), threads, showsEach);
    }

    private static int RunDiscovery(string[] rest)
    {
        Dictionary<string, string> options = ParseOptions(rest, "--nodes", "--seeds", "--from", "--threads");
        if (!options.Remove("--nodes", out string? nodes))
            return RunSeeds(Worlds.Find("discovery"), rest, showsEach: true);
        return Worlds.Find("discovery/" + nodes) is { } world
            ? RunSeeds(world, [.. options.SelectMany(static o => (string[])[o.Key, o.Value])], showsEach: true)
            : Fail("--nodes takes 3 to 10000");
    }

    private static int RunRaft(string[] rest)
    {
        Dictionary<string, string> options = ParseOptions(
            rest, "--nodes", "--safety", "--faults", "--seeds", "--from", "--threads");
        bool hasNodes = options.Remove("--nodes", out string? nodes);
        bool hasSafety = options.Remove("--safety", out string? safety);
        string faults = options.Remove("--faults", out string? wrong) ? wrong : "all";
        string[] others = [.. options.SelectMany(static o => (string[])[o.Key, o.Value])];
        if (!hasNodes && !hasSafety && wrong is null)
            return RunSeeds(RaftWorldKind.Any, others);
        return RaftWorldKind.Find(nodes ?? "5", safety ?? "available", faults) is { } world
            ? RunSeeds(world, others)
            : Fail("--nodes takes 1 to 15; --safety available or majority:n with n of them at most; --faults none, churn, restarts or all");
    }

    private static int Replay(IWorld world, ulong seed, string[] rest)
    {
        bool log = rest.Contains("--log");
        Dictionary<string, string> options = ParseOptions([.. rest.Where(arg => arg != "--log")], "--plan", "--until");
        if (options.TryGetValue("--plan", out string? plan) && ParseCount(plan) != world.Plan)
            return Fail($"the plan of this build is {world.Plan}: the seed means another run here");
        long? until = options.TryGetValue("--until", out string? step) ? ParseCount(step) : null;
        return Runner.Replay(world, seed, new RunOptions(until, log ? Console.Out : null));
    }

    private static int Determinism(IWorld world, string[] rest)
    {
        Dictionary<string, string> options = ParseOptions(rest, "--seeds", "--from");
        return Runner.CheckDeterminism(world, ParseSeed(options.GetValueOrDefault("--from", "0")),
            ParseCount(options.GetValueOrDefault("--seeds", "5")));
    }

    private static int RunMutants(string list, string[] rest)
    {
        const string MostSeeds = "2000";
        Dictionary<string, string> options = ParseOptions(rest, "--seeds", "--from", "--threads", "--worlds");
        Mutation[] mutations = [.. File.ReadLines(list).Select(Mutation.Parse)];
        if (options.TryGetValue("--worlds", out string? worlds))
            mutations = [.. mutations.Select(m => m with { Worlds = worlds.Split(',') })];
        return MutantRunner.Run(mutations, ParseCount(options.GetValueOrDefault("--seeds", MostSeeds)),
            ParseSeed(options.GetValueOrDefault("--from", "0")), ParseCount(options.GetValueOrDefault("--threads", "1")));
    }

    private static Dictionary<string, string> ParseOptions(string[] args, params string[] known)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < args.Length; i += 2)
        {
            if (!known.Contains(args[i]) || i + 1 == args.Length)
                throw new FormatException("unknown option or missing value: " + args[i]);
            options[args[i]] = args[i + 1];
        }
        return options;
    }

    private static ulong ParseSeed(string text) => text.StartsWith("0x", StringComparison.Ordinal)
        ? ulong.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
        : ulong.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    private static int ParseCount(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    private static int Fail(string message)
    {
        Console.Error.WriteLine(message);
        Console.Error.WriteLine(Usage);
        return UsageExitCode;
    }
}
