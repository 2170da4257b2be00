namespace Mosaik.Quic.Driver;

/// <summary>The name a client puts into SNI (spec/quic.md §4.1): the server's key in base32hex, under a domain that does not exist.</summary>
internal static class ServerNames
{
    private const string Alphabet = "0123456789abcdefghijklmnopqrstuv";
    private const string Domain = ".iroh.invalid";
    private const int BitsPerDigit = 5;

    /// <summary>The name of the server that owns <paramref name="publicKey"/>.</summary>
    public static string Of(ReadOnlySpan<byte> publicKey)
    {
        Span<char> name = stackalloc char[((publicKey.Length * 8) + BitsPerDigit - 1) / BitsPerDigit];
        var (buffer, bits, at) = (0u, 0, 0);
        foreach (var b in publicKey)
        {
            buffer = (buffer << 8) | b;
            bits += 8;
            while (bits >= BitsPerDigit)
            {
                bits -= BitsPerDigit;
                name[at++] = Alphabet[(int)(buffer >> bits) & 31];
            }
        }
        if (bits > 0)
            name[at] = Alphabet[(int)(buffer << (BitsPerDigit - bits)) & 31];
        return string.Concat(name, Domain);
    }
}
