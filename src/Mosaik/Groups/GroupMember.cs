using System.Runtime.InteropServices;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// One process of a group: a peer together with its incarnation. A restarted process is another member, because it has
/// another memory (spec/groups-safety.md §7).
/// </summary>
/// <remarks>Ordered by peer, then by incarnation. On the wire: 32 and 16 raw bytes.</remarks>
/// <param name="PeerId">The peer.</param>
/// <param name="Incarnation">The incarnation; none for a peer that sends none.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct GroupMember(PeerId PeerId, Incarnation Incarnation) : IComparable<GroupMember>
{
    internal const int Length = PeerId.Length + Incarnation.Length;

    /// <inheritdoc/>
    public int CompareTo(GroupMember other)
    {
        int byPeer = PeerId.CompareTo(other.PeerId);
        return byPeer != 0 ? byPeer : Incarnation.CompareTo(other.Incarnation);
    }

    /// <summary>The start of both, for logs.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{PeerId.ToAbbreviatedString(10)}/{Incarnation.ToString()[..8]}";

    internal void Write(ref PostcardWriter writer)
    {
        writer.WriteRaw(PeerId.AsSpan());
        Incarnation.CopyTo(writer.Take(Incarnation.Length));
    }

    internal static bool TryRead(scoped ref PostcardReader reader, out GroupMember member)
    {
        if (!reader.TryReadRaw(Length, out ReadOnlySpan<byte> bytes))
        {
            member = default;
            return false;
        }

        // Compared only, never used as a key: what is no point of the curve is a member that nobody can be bonded to.
        member = new GroupMember(
            PeerId.FromRawUnchecked(bytes[..PeerId.Length]), Incarnation.FromRaw(bytes[PeerId.Length..]));
        return true;
    }

    /// <summary>Peer first, then incarnation.</summary>
    /// <param name="left">One member.</param>
    /// <param name="right">Another member.</param>
    public static bool operator <(GroupMember left, GroupMember right) => left.CompareTo(right) < 0;

    /// <summary>Peer first, then incarnation.</summary>
    /// <param name="left">One member.</param>
    /// <param name="right">Another member.</param>
    public static bool operator >(GroupMember left, GroupMember right) => left.CompareTo(right) > 0;

    /// <summary>Peer first, then incarnation.</summary>
    /// <param name="left">One member.</param>
    /// <param name="right">Another member.</param>
    public static bool operator <=(GroupMember left, GroupMember right) => left.CompareTo(right) <= 0;

    /// <summary>Peer first, then incarnation.</summary>
    /// <param name="left">One member.</param>
    /// <param name="right">Another member.</param>
    public static bool operator >=(GroupMember left, GroupMember right) => left.CompareTo(right) >= 0;
}
