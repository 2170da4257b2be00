using Mosaik.Discovery;

namespace Mosaik.Groups.Bonds;

/// <summary>What speaks for dialling a peer (spec/groups.md §4.2).</summary>
internal sealed class PeerEvidence
{
    /// <summary>Its signed entry in the catalog; null when it is gone.</summary>
    public SignedPeerEntry? Entry { get; set; }

    /// <summary>Whether the entry lists the group.</summary>
    public bool IsListed { get; set; }

    /// <summary>Whether a member says that it is a member.</summary>
    public bool IsHinted { get; set; }

    /// <summary>Whether all validators accept it; null while they are being asked for the first time.</summary>
    public bool? IsValid { get; set; }

    /// <summary>When to ask them again.</summary>
    public Expiration Expires { get; set; }

    /// <summary>Whether anything says that it is a member.</summary>
    public bool IsMember => Entry is not null && (IsListed || IsHinted);
}
