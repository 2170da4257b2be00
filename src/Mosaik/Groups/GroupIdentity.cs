using System.Buffers.Binary;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// How a group's id follows from key and configuration (spec/groups.md §2.3): a chain of derivations in which nothing but
/// the values named here takes part.
/// </summary>
internal static class GroupIdentity
{
    /// <summary>The id of a group.</summary>
    public static GroupId IdOf(
        GroupKey key,
        ConsensusOptions consensus,
        UniqueId machineSignature,
        UniqueId syncSignature,
        IEnumerable<ITicketValidator> validators,
        Safety safety)
    {
        var id = key.Secret.Hashed()
            .Derive(ConsensusDigest(consensus))
            .Derive(machineSignature)
            .Derive(syncSignature);
        foreach (var validator in validators)
            id = id.Derive(validator.Signature);
        if (safety.Digest is { } digest)
            id = id.Derive(digest);
        return (GroupId)id;
    }

    /// <summary>Three 128-bit little-endian numbers, hashed; times in milliseconds.</summary>
    public static UniqueId ConsensusDigest(ConsensusOptions consensus)
    {
        const int Width = 16;
        Span<byte> bytes = stackalloc byte[3 * Width];
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, Milliseconds(consensus.HeartbeatInterval));
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[Width..], Milliseconds(consensus.HeartbeatJitter));
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[(2 * Width)..], consensus.MaxMissedHeartbeats);
        return UniqueId.Hash(bytes);
    }

    private static ulong Milliseconds(TimeSpan value) => (ulong)(value.Ticks / TimeSpan.TicksPerMillisecond);
}
