namespace Mosaik.Quic.Recovery;

/// <summary>
/// Leaves out packet numbers so that a peer that acknowledges what it never received is found out (RFC 9000 §21.4).
/// </summary>
/// <remarks>
/// Algorithm (spec/quic.md §7.2): exactly one number is left out in each of the intervals [0, 64), [64, 128), [128,
/// 256),
/// [256, 512) …, at a uniformly random place; number 0 may be the one. The numbers left out so far, at most 57 in
/// the life of a connection, are kept in ascending order, so that an acknowledged range is checked against the newest
/// few of them.
/// </remarks>
internal sealed class PacketNumberSkipper
{
    private const ulong FirstInterval = 64;

    private readonly RandomSource _random;
    private ulong[] _skipped = new ulong[4];
    private int _count;
    private ulong _intervalEnd = FirstInterval;
    private ulong _next;

    /// <summary>Chooses the first number to leave out.</summary>
    public PacketNumberSkipper(RandomSource random)
    {
        _random = random;
        _next = random.NextBelow(FirstInterval);
    }

    /// <summary>The numbers left out so far, ascending.</summary>
    public ReadOnlySpan<ulong> Skipped => _skipped.AsSpan(0, _count);

    /// <summary>
    /// The first number at or above <paramref name="packetNumber"/> that is not left out; notes what is.
    /// </summary>
    public ulong Resolve(ulong packetNumber)
    {
        while (packetNumber == _next)
        {
            if (_count == _skipped.Length)
                Array.Resize(ref _skipped, _count * 2);
            _skipped[_count++] = packetNumber++;
            ulong start = _intervalEnd;
            _intervalEnd = start * 2;
            _next = start + _random.NextBelow(_intervalEnd - start);
        }
        return packetNumber;
    }

    /// <summary>Whether a range covers a number that was left out.</summary>
    public bool Covers(ulong smallest, ulong largest)
    {
        for (int i = _count - 1; i >= 0 && _skipped[i] >= smallest; i--)
        {
            if (_skipped[i] <= largest)
                return true;
        }
        return false;
    }
}
