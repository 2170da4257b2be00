using System.Globalization;
using System.Net;
using System.Text;

namespace Mosaik.Primitives;

/// <summary>
/// The text of an IPv6 address as RFC 5952 has it, always in hexadecimal groups: <see cref="IPAddress.ToString()"/>
/// writes
/// some ranges with an embedded IPv4 address, which a URL serializer does not.
/// </summary>
internal static class Rfc5952
{
    public static string Format(IPAddress address)
    {
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out _);
        Span<int> groups = stackalloc int[8];
        for (int i = 0; i < groups.Length; i++)
            groups[i] = (octets[2 * i] << 8) | octets[(2 * i) + 1];
        (int start, int length) = LongestZeroRun(groups);
        var text = new StringBuilder(39);
        for (int i = 0; i < groups.Length; i++)
        {
            if (i == start)
            {
                text.Append("::");
                i += length - 1;
                continue;
            }
            if (text.Length > 0 && text[^1] != ':')
                text.Append(':');
            text.Append(groups[i].ToString("x", CultureInfo.InvariantCulture));
        }
        return text.ToString();
    }

    /// <summary>The first of the longest runs of at least two zero groups; start −1 when there is none.</summary>
    private static (int Start, int Length) LongestZeroRun(ReadOnlySpan<int> groups)
    {
        (int bestStart, int bestLength) = (-1, 1);
        for (int i = 0; i < groups.Length; i++)
        {
            int run = groups[i..].IndexOfAnyExcept(0);
            run = run < 0 ? groups.Length - i : run;
            if (run > bestLength)
                (bestStart, bestLength) = (i, run);
            i += run;
        }
        return (bestStart, bestLength);
    }
}
