using System.Globalization;

namespace Mosaik.Bench.Contracts.Messaging;

/// <summary>What a messaging workload sends: a variant such as <c>1to8,size=64,rate=1000</c>, in parts.</summary>
/// <param name="Producers">How many send.</param>
/// <param name="Consumers">How many receive, each of them everything.</param>
/// <param name="Size">Payload bytes of a message.</param>
/// <param name="Rate">Messages per second of a fixed schedule; 0 = as fast as back-pressure lets them.</param>
/// <param name="CountsBytes">Whether bytes are counted instead of messages.</param>
/// <param name="StopsOne">Whether the first consumer stops reading for a while.</param>
/// <param name="SparesOne">Whether the first consumer is not counted.</param>
public sealed record MessagePlan(
    int Producers, int Consumers, int Size, int Rate, bool CountsBytes, bool StopsOne, bool SparesOne)
{
    /// <summary>How long a stopped consumer does not read.</summary>
    public static TimeSpan StopTime { get; } = TimeSpan.FromSeconds(10);

    public static MessagePlan Parse(string variant)
    {
        ArgumentNullException.ThrowIfNull(variant);
        var plan = new MessagePlan(1, 1, 64, 0, CountsBytes: false, StopsOne: false, SparesOne: false);
        foreach (var part in variant.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            plan = part.Split('=', 2) switch
            {
                ["size", var size] => plan with { Size = Number(size) },
                ["rate", var rate] => plan with { Rate = Number(rate) },
                ["bytes"] => plan with { CountsBytes = true },
                ["stop"] => plan with { StopsOne = true, SparesOne = true },
                ["spare"] => plan with { SparesOne = true },
                [var shape] when shape.Split("to") is [var producers, var consumers] =>
                    plan with { Producers = Number(producers), Consumers = Number(consumers) },
                _ => throw new FormatException($"unknown part of a variant: {part}"),
            };
        }

        return plan;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
