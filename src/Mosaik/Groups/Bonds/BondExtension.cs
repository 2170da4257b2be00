using Mosaik.Postcard;

namespace Mosaik.Groups.Bonds;

/// <summary>
/// What this implementation appends to both handshake messages; Rust ignores bytes after a decoded value (spec/groups.md
/// §4.8). Two ends that both sent it have an extended bond.
/// </summary>
/// <remarks><c>"MNX1" ‖ version ‖ capabilities ‖ blob(TLV*)</c>. Unknown types and capabilities are skipped.</remarks>
/// <param name="Capabilities">See the constants.</param>
/// <param name="Role">Voter or learner, in profiles that count voters.</param>
/// <param name="Incarnation">Of the process; null if it was not sent.</param>
internal sealed record BondExtension(ulong Capabilities, GroupRole? Role, Incarnation? Incarnation)
{
    /// <summary>Trailing TLVs are understood; always set.</summary>
    public const ulong TrailingTlvs = 1;

    private const uint Version = 1;
    private const uint RoleType = 1;
    private const uint IncarnationType = 2;
    private const int LongestTlvs = 2 * 16 + Groups.Incarnation.Length;

    private static ReadOnlySpan<byte> Magic => "MNX1"u8;

    /// <summary>Appends the block.</summary>
    public void Write(ref PostcardWriter writer)
    {
        writer.WriteRaw(Magic);
        writer.WriteUInt32(Version);
        writer.WriteUInt64(Capabilities);
        var tlvs = new PostcardWriter(stackalloc byte[LongestTlvs]);
        if (Role is { } role)
        {
            tlvs.WriteUInt32(RoleType);
            tlvs.WriteBytes([(byte)role]);
        }

        if (Incarnation is { } incarnation)
        {
            Span<byte> bytes = stackalloc byte[Groups.Incarnation.Length];
            incarnation.CopyTo(bytes);
            tlvs.WriteUInt32(IncarnationType);
            tlvs.WriteBytes(bytes);
        }

        writer.WriteBytes(tlvs.Written);
        tlvs.Dispose();
    }

    /// <summary>Reads the tail of a handshake message: nothing and foreign bytes are no extension.</summary>
    /// <returns>False if a block begins and is cut short or names a type twice.</returns>
    public static bool TryRead(ref PostcardReader reader, out BondExtension? extension)
    {
        extension = null;
        if (reader.Remaining <= Magic.Length || !reader.Unread.StartsWith(Magic))
            return true;
        if (!reader.TryReadRaw(Magic.Length, out _)
            || !reader.TryReadUInt64(out _)
            || !reader.TryReadUInt64(out var capabilities)
            || !reader.TryReadBytes(out var tlvs))
            return false;
        return TryReadTlvs(tlvs, capabilities, out extension);
    }

    private static bool TryReadTlvs(ReadOnlySpan<byte> bytes, ulong capabilities, out BondExtension? extension)
    {
        extension = null;
        var (role, incarnation) = ((GroupRole?)null, (Incarnation?)null);
        var seen = new HashSet<ulong>();
        var reader = new PostcardReader(bytes);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadUInt64(out var type) || !reader.TryReadBytes(out var value) || !seen.Add(type))
                return false;
            switch (type)
            {
                case RoleType when value.Length == 1 && value[0] <= (byte)GroupRole.Voter:
                    role = (GroupRole)value[0];
                    break;
                case IncarnationType when value.Length == Groups.Incarnation.Length:
                    incarnation = Groups.Incarnation.FromRaw(value);
                    break;
                case RoleType or IncarnationType:
                    return false;
            }
        }

        extension = new BondExtension(capabilities, role, incarnation);
        return true;
    }
}
