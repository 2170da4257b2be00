using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mosaik.Primitives;

/// <summary>
/// The canonical form of a relay URL (spec/wire.md §5.3): exactly the texts that the WHATWG serializer would leave
/// alone,
/// restricted to a subset in which that is easy to decide. Everything outside the subset counts as non-canonical.
/// </summary>
internal static class RelayUrl
{
    private static readonly SearchValues<char> HostCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_");

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    private static readonly SearchValues<char> IPv6Characters = SearchValues.Create("0123456789abcdef:");

    private static readonly SearchValues<char> PathCharacters = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/%");

    private static readonly IdnMapping Idn = new() { AllowUnassigned = false, UseStd3AsciiRules = false };

    public static bool IsCanonical(ReadOnlySpan<char> url)
    {
        bool secure = url.StartsWith("https://");
        if (!secure && !url.StartsWith("http://"))
            return false;
        url = url[(secure ? 8 : 7)..];
        int slash = url.IndexOf('/');
        return slash > 0 && IsAuthority(url[..slash], secure ? 443 : 80) && IsPath(url[slash..]);
    }

    private static bool IsAuthority(ReadOnlySpan<char> authority, int defaultPort)
    {
        int hostEnd = authority[0] == '[' ? authority.IndexOf(']') + 1 : authority.IndexOf(':');
        if (hostEnd == 0)
            return false; // an unclosed bracket or an empty host
        if (hostEnd > 0 && hostEnd < authority.Length && !IsPort(authority[hostEnd..], defaultPort))
            return false;
        ReadOnlySpan<char> host = hostEnd < 0 ? authority : authority[..hostEnd];
        return host[0] == '[' ? IsIPv6(host[1..^1]) : IsName(host);
    }

    private static bool IsPort(ReadOnlySpan<char> portWithColon, int defaultPort) =>
        portWithColon[0] == ':'
        && portWithColon.Length is >= 2 and <= 6
        && portWithColon[1] is >= '1' and <= '9'
        && int.TryParse(portWithColon[1..], NumberStyles.None, CultureInfo.InvariantCulture, out int port)
        && port <= ushort.MaxValue
        && port != defaultPort;

    private static bool IsName(ReadOnlySpan<char> host)
    {
        bool trailingDot = host[^1] == '.';
        ReadOnlySpan<char> labels = trailingDot ? host[..^1] : host;
        ReadOnlySpan<char> last = default;
        foreach (Range range in labels.Split('.'))
        {
            last = labels[range];
            if (last.IsEmpty || last.ContainsAnyExcept(HostCharacters) || (last.StartsWith("xn--") && !SurvivesIdna(last)))
                return false;
        }
        if (last.IsEmpty)
            return false;
        return !IsNumeric(last) || (!trailingDot && IsIPv4(host));
    }

    /// <summary>Such a last label makes a URL parser read the whole host as an IPv4 address.</summary>
    private static bool IsNumeric(ReadOnlySpan<char> label) =>
        !label.ContainsAnyExceptInRange('0', '9')
        || (label.StartsWith("0x") && !label[2..].ContainsAnyExcept(HexDigits));

    private static bool IsIPv4(ReadOnlySpan<char> host) =>
        IPAddress.TryParse(host, out IPAddress? address)
        && address.AddressFamily == AddressFamily.InterNetwork
        && host.SequenceEqual(address.ToString());

    private static bool IsIPv6(ReadOnlySpan<char> host)
    {
        // Embedded IPv4 notation and scopes are refused with the characters they need.
        if (host.IsEmpty || host.ContainsAnyExcept(IPv6Characters) || !IPAddress.TryParse(host, out IPAddress? address))
            return false;
        return address.AddressFamily == AddressFamily.InterNetworkV6 && host.SequenceEqual(Rfc5952.Format(address));
    }

    /// <summary>
    /// Decoded and encoded again it is the same, and the decoded form holds nothing that IDNA would map or refuse: only
    /// lower-case or caseless letters, marks and digits. Stricter than UTS 46, whose tables the BCL does not carry.
    /// </summary>
    private static bool SurvivesIdna(ReadOnlySpan<char> label)
    {
        string text = label.ToString();
        try
        {
            string unicode = Idn.GetUnicode(text);
            if (unicode == text || Idn.GetAscii(unicode) != text)
                return false;
            foreach (Rune rune in unicode.EnumerateRunes())
            {
                if (!IsPlain(rune))
                    return false;
            }
            return true;
        }
        catch (ArgumentException)
        {
            return false; // the BCL's way to say that the label is not valid punycode
        }
    }

    private static bool IsPlain(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.LowercaseLetter or UnicodeCategory.OtherLetter => true,
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark => true,
        UnicodeCategory.DecimalDigitNumber => true,
        _ => rune.Value == '-',
    };

    private static bool IsPath(ReadOnlySpan<char> path)
    {
        if (path.ContainsAnyExcept(PathCharacters))
            return false;
        foreach (Range range in path.Split('/'))
        {
            if (IsDotSegment(path[range]))
                return false;
        }
        return true;
    }

    private static bool IsDotSegment(ReadOnlySpan<char> segment)
    {
        int dots = 0;
        while (!segment.IsEmpty)
        {
            int length = segment[0] == '.' ? 1 : segment.StartsWith("%2e", StringComparison.OrdinalIgnoreCase) ? 3 : 0;
            if (length == 0 || ++dots > 2)
                return false;
            segment = segment[length..];
        }
        return dots > 0;
    }
}
