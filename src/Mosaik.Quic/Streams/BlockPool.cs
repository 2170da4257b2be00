using System.Numerics;

namespace Mosaik.Quic.Streams;

/// <summary>
/// Byte arrays of 16 bytes to 32 KiB, by powers of two, for the buffers of streams. One pool serves all connections of
/// an endpoint, whose cores run on one loop: it has no locks.
/// </summary>
/// <remarks>
/// The shared array pool is not used here because it keeps only a few dozen arrays per size: a hundred busy streams
/// would allocate per packet. Up to <see cref="KeptBytes"/> are kept for reuse, what is returned beyond is left to the
/// collector. <see cref="Outstanding"/> tells tests whether every array came back exactly once.
/// </remarks>
internal sealed class BlockPool
{
    /// <summary>The smallest array.</summary>
    public const int Smallest = 16;

    /// <summary>The largest array.</summary>
    public const int Largest = 32 * 1024;

    /// <summary>How much is kept for reuse.</summary>
    public const int KeptBytes = 16 * 1024 * 1024;

    private readonly Stack<byte[]>[] _kept;
    private int _keptBytes;

    /// <summary>An empty pool.</summary>
    public BlockPool()
    {
        _kept = new Stack<byte[]>[BitOperations.Log2(Largest) - BitOperations.Log2(Smallest) + 1];
        for (int i = 0; i < _kept.Length; i++)
            _kept[i] = new Stack<byte[]>();
    }

    /// <summary>Arrays that were rented and not returned.</summary>
    public int Outstanding { get; private set; }

    /// <summary>True: returned arrays are overwritten, so that a use after return shows (simulations).</summary>
    public bool Poison { get; init; }

    /// <summary>An array of the smallest size that holds <paramref name="length"/> (at most 32 KiB) bytes.</summary>
    public byte[] Rent(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Largest);
        Outstanding++;
        int index = IndexOf(length);
        if (!_kept[index].TryPop(out byte[]? block))
            return GC.AllocateUninitializedArray<byte>(Smallest << index);
        _keptBytes -= block.Length;
        return block;
    }

    /// <summary>Takes an array back; its owner must not touch it again.</summary>
    public void Return(byte[] block)
    {
        Outstanding--;
        if (Poison)
            block.AsSpan().Fill(0xdb);
        if (_keptBytes + block.Length > KeptBytes)
            return;
        _keptBytes += block.Length;
        _kept[IndexOf(block.Length)].Push(block);
    }

    private static int IndexOf(int length) =>
        BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)Math.Max(length, Smallest))) - BitOperations.Log2(Smallest);
}
