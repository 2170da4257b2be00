namespace Mosaik.Quic.Peer;

/// <summary>The generated data: any lost, repeated or moved piece, or data of another stream, shows.</summary>
internal static class Pattern
{
    /// <summary>Fills <paramref name="destination"/> with the bytes of a stream from <paramref name="offset"/> on.</summary>
    public static void Fill(Span<byte> destination, long streamId, long offset)
    {
        for (var i = 0; i < destination.Length; i++)
            destination[i] = At(streamId, offset + i);
    }

    /// <summary>Whether <paramref name="data"/> are the bytes of a stream from <paramref name="offset"/> on.</summary>
    public static bool Matches(ReadOnlySpan<byte> data, long streamId, long offset)
    {
        for (var i = 0; i < data.Length; i++)
        {
            if (data[i] != At(streamId, offset + i))
                return false;
        }
        return true;
    }

    private static byte At(long streamId, long i) => (byte)(i ^ (i >> 8) ^ (i >> 16) ^ streamId);
}
