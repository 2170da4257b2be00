using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>
/// Names a founding: entries of term 1, which any number of isolated processes can make, are the same only when their
/// lineages are (spec/groups.md §6.3).
/// </summary>
internal static class Lineage
{
    /// <summary>That of the founding led by a process; incarnation none for a peer that sends none.</summary>
    public static UniqueId Of(GroupMember founder)
    {
        Span<byte> hashed = stackalloc byte[GroupMember.Length];
        founder.PeerId.CopyTo(hashed);
        founder.Incarnation.CopyTo(hashed[PeerId.Length..]);
        Span<byte> result = stackalloc byte[UniqueId.Length];
        Blake3Hasher.Hash("mosaik.net/groups/lineage/1"u8, hashed, result);
        return UniqueId.FromRaw(result);
    }
}
