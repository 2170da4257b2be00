namespace Mosaik.Primitives;

/// <summary>
/// The order of texts by their UTF-8 bytes, as Rust has it; .NET's ordinal order differs for surrogate pairs.
/// </summary>
internal static class Utf8Order
{
    public static int Compare(string x, string y)
    {
        ReadOnlySpan<char> a = x, b = y;
        int common = a.CommonPrefixLength(b);
        if (common == a.Length || common == b.Length)
            return a.Length.CompareTo(b.Length);
        char c = a[common], d = b[common];
        // Surrogates stand for code points above every other char, but have smaller values than U+E000..U+FFFF.
        bool surrogateC = char.IsSurrogate(c), surrogateD = char.IsSurrogate(d);
        return surrogateC == surrogateD ? c.CompareTo(d) : surrogateC ? 1 : -1;
    }
}
