using System.Security.Cryptography;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups.Bonds;

/// <summary>
/// The proof that one end of a connection holds the group's key (spec/groups.md §4.3): bound to the connection by the TLS
/// exporter and to the prover by its id, so that it can neither be replayed nor reflected.
/// </summary>
internal static class BondProof
{
    private static ReadOnlySpan<byte> BondIdLabel => "mosaik.group.bond.id"u8;

    /// <summary>The proof of one end.</summary>
    public static UniqueId Of(GroupKey key, UniqueId exporter, PeerId prover) =>
        key.Secret.Derive(exporter).Derive(prover.AsSpan());

    /// <summary>Checks a proof in constant time.</summary>
    public static bool Verify(UniqueId proof, GroupKey key, UniqueId exporter, PeerId prover) =>
        CryptographicOperations.FixedTimeEquals(proof.AsSpan(), Of(key, exporter, prover).AsSpan());

    /// <summary>The secret both ends of a link share for a group.</summary>
    public static UniqueId Export(Link link, GroupId group) => Export(link, group.AsSpan());

    /// <summary>The id of a bond: equal on both ends, never sent.</summary>
    public static UniqueId BondIdOf(Link link) => Export(link, BondIdLabel);

    private static UniqueId Export(Link link, ReadOnlySpan<byte> label)
    {
        Span<byte> output = stackalloc byte[UniqueId.Length];
        link.ExportKeyingMaterial(label, output);
        return UniqueId.FromRaw(output);
    }
}
