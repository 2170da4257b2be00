using System.Buffers.Binary;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// Catching up by fetching the log from other members and applying it (spec/groups.md §11.2). The log is never pruned, so
/// that a machine can be rebuilt; it fits machines whose history stays small enough to keep.
/// </summary>
/// <remarks>Both options are part of the group's id, and so is the machine's wire name.</remarks>
public sealed record LogReplaySync : IStateSync
{
    private static readonly UniqueId Root = UniqueId.From("mosaik_log_replay_sync");

    private readonly string _machineName;

    /// <summary>Log replay for a machine.</summary>
    /// <param name="machine">The machine's type; its wire name is used (<see cref="WireNames"/>).</param>
    public LogReplaySync(Type machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        _machineName = WireNames.Of(machine);
    }

    /// <summary>How many entries one request asks for; default 2000.</summary>
    [AffectsGroupId]
    public int BatchSize { get; init; } = 2000;

    /// <summary>How long an answer may take before another member is asked; default 25 s, whole seconds.</summary>
    [AffectsGroupId]
    public TimeSpan FetchTimeout { get; init; } = TimeSpan.FromSeconds(25);

    /// <inheritdoc/>
    public UniqueId Signature
    {
        get
        {
            Span<byte> number = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(number, (ulong)BatchSize);
            var id = Root.Derive(_machineName).Derive(number);
            BinaryPrimitives.WriteUInt64LittleEndian(number, (ulong)(FetchTimeout.Ticks / TimeSpan.TicksPerSecond));
            return id.Derive(number);
        }
    }

    /// <summary>Checks every value.</summary>
    /// <exception cref="MosaikConfigurationException">A value cannot work; <c>Property</c> names it.</exception>
    public void Validate()
    {
        if (BatchSize < 1)
            throw new MosaikConfigurationException(nameof(BatchSize), "must be at least 1");
        if (FetchTimeout < TimeSpan.FromSeconds(1) || FetchTimeout.Ticks % TimeSpan.TicksPerSecond != 0)
            throw new MosaikConfigurationException(nameof(FetchTimeout), "must be whole seconds, at least 1");
    }
}
