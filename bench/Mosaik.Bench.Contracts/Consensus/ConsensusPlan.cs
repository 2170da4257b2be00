using System.Globalization;

namespace Mosaik.Bench.Contracts.Consensus;

/// <summary>What a consensus workload does, from its variant: <c>n=3,inflight=128,size=64,available,feed</c>.</summary>
/// <param name="Members">How many members.</param>
/// <param name="InFlight">How many commands the leader's client has under way.</param>
/// <param name="Size">Bytes of an encoded command.</param>
/// <param name="IsFeed">Whether the client waits for nothing but the leader's log; what is counted is committed.</param>
/// <param name="IsAvailable">Our side: whether the profile is Available and not Majority.</param>
/// <param name="HasLog">DotNext: whether it has its write-ahead log.</param>
public sealed record ConsensusPlan(int Members, int InFlight, int Size, bool IsFeed, bool IsAvailable, bool HasLog)
{
    public static ConsensusPlan Parse(string variant)
    {
        ArgumentNullException.ThrowIfNull(variant);
        var plan = new ConsensusPlan(3, 1, 64, false, false, false);
        foreach (var part in variant.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            plan = part.Split('=') switch
            {
                ["n", var n] => plan with { Members = Number(n) },
                ["inflight", var n] => plan with { InFlight = Number(n) },
                ["size", var n] => plan with { Size = Number(n) },
                ["feed"] => plan with { IsFeed = true },
                ["available"] => plan with { IsAvailable = true },
                ["log"] => plan with { HasLog = true },
                _ => throw new ArgumentOutOfRangeException(nameof(variant), part, "unknown part of a variant"),
            };
        }

        return plan;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
