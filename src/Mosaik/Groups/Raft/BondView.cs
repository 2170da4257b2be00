using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>A bonded peer as the core knows it.</summary>
internal sealed class BondView(GroupMember member, bool isExtended, bool isVoter)
{
    /// <summary>The peer.</summary>
    public PeerId Peer => Member.PeerId;

    /// <summary>The peer with its incarnation; none on a plain bond.</summary>
    public GroupMember Member { get; } = member;

    /// <summary>Whether the peer understands trailing TLVs (spec/groups.md §4.8).</summary>
    public bool IsExtended { get; } = isExtended;

    /// <summary>Majority: whether the peer announced the role Voter.</summary>
    public bool IsVoter { get; } = isVoter;

    /// <summary>Majority: whether the peer has said that its log is not empty. It stays so as long as the process lives.</summary>
    public bool HasLog { get; set; }

    /// <summary>
    /// Whether the entries of term 1 here are known, by their bytes, to be those of the peer (spec/groups.md §6.3).
    /// </summary>
    public bool HasSameFounding { get; set; }
}
