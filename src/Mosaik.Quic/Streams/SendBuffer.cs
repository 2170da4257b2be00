namespace Mosaik.Quic.Streams;

/// <summary>
/// The bytes of one direction of a stream (or of CRYPTO data) from the moment they are written until they are
/// acknowledged.
/// </summary>
/// <remarks>
/// <para>
/// Offsets fall into four kinds: acknowledged (everything before the base, and islands above it), in flight, lost, and
/// not yet sent. Only islands and lost ranges are stored, as <see cref="RangeSet"/>s; what is neither and lies between
/// the base and <see cref="SentEnd"/> is in flight. In the common case, acknowledgements in order and no loss, both
/// sets are empty and an acknowledgement moves one number and returns a block now and then.
/// </para>
/// <para>
/// Method order: <see cref="Write"/>; <see cref="TryGetNext"/> names the bytes to put into the next frame (lost ones
/// first, lowest offset first), <see cref="CopyTo"/> copies them, <see cref="MarkSent"/> notes it;
/// <see cref="OnAcknowledged"/> and <see cref="OnLost"/> as the fate of each frame becomes known, in any order and any
/// number of times. Bytes that were declared lost and are acknowledged after all are not sent again.
/// </para>
/// </remarks>
internal sealed class SendBuffer(BlockPool pool)
{
    private readonly ByteQueue _bytes = new(pool);
    private readonly RangeSet _acknowledged = new();
    private readonly RangeSet _lost = new();

    /// <summary>The offset behind the last byte written.</summary>
    public ulong WrittenEnd => _bytes.End;

    /// <summary>The offset behind the last byte that was ever sent: the flow-control credit used.</summary>
    public ulong SentEnd { get; private set; }

    /// <summary>Bytes written that were never sent.</summary>
    public int Unsent => (int)(WrittenEnd - SentEnd);

    /// <summary>Bytes held because not all before them are acknowledged.</summary>
    public int Unacknowledged => _bytes.Length;

    /// <summary>True when bytes have to be sent again.</summary>
    public bool HasLost => _lost.Count > 0;

    /// <summary>The memory held.</summary>
    public int MemoryHeld => _bytes.MemoryHeld;

    /// <summary>Takes over a copy of the data.</summary>
    public void Write(ReadOnlySpan<byte> data) => _bytes.Append(data);

    /// <summary>The next bytes to send: lost ones, else new ones below <paramref name="limit"/>.</summary>
    public bool TryGetNext(ulong limit, out ByteRange range)
    {
        if (_lost.Count > 0)
        {
            range = _lost[0];
            return true;
        }
        range = new ByteRange(SentEnd, Math.Min(WrittenEnd, limit));
        return range.Start < range.End;
    }

    /// <summary>Copies bytes that are held.</summary>
    public void CopyTo(ulong offset, Span<byte> destination)
    {
        if (!destination.IsEmpty)
            _bytes.CopyTo(offset, destination);
    }

    /// <summary>
    /// Notes that the first bytes of what <see cref="TryGetNext"/> named are in flight; returns how many were new.
    /// </summary>
    public int MarkSent(ulong offset, int length)
    {
        ulong end = offset + (ulong)length;
        if (_lost.Count > 0)
            _lost.Remove(offset, end);
        if (end <= SentEnd)
            return 0;
        int added = (int)(end - SentEnd);
        SentEnd = end;
        return added;
    }

    /// <summary>Bytes arrived at the peer. Returns how many bytes are no longer held.</summary>
    public int OnAcknowledged(ulong offset, int length)
    {
        ulong start = Math.Max(offset, _bytes.Start);
        ulong end = Math.Min(offset + (ulong)length, SentEnd);
        if (start >= end)
            return 0;
        if (_lost.Count > 0)
            _lost.Remove(start, end);
        if (start > _bytes.Start)
        {
            _acknowledged.Add(start, end);
            return 0;
        }
        while (_acknowledged.Count > 0 && _acknowledged[0].Start <= end)
        {
            end = Math.Max(end, _acknowledged[0].End);
            _acknowledged.RemoveFirst();
        }
        int released = (int)(end - _bytes.Start);
        _bytes.DropTo(end);
        return released;
    }

    /// <summary>Bytes were lost: all of them that are not acknowledged are to be sent again.</summary>
    public void OnLost(ulong offset, int length)
    {
        ulong start = Math.Max(offset, _bytes.Start);
        ulong end = Math.Min(offset + (ulong)length, SentEnd);
        if (start >= end)
            return;
        _lost.Add(start, end);
        for (int i = _acknowledged.FirstEndingAtOrAfter(start); i < _acknowledged.Count && _acknowledged[i].Start < end; i++)
            _lost.Remove(_acknowledged[i].Start, _acknowledged[i].End);
    }

    /// <summary>
    /// Drops everything (the stream was reset). Returns how many bytes were held; <see cref="SentEnd"/> stays.
    /// </summary>
    public int Clear()
    {
        int released = _bytes.Length;
        _bytes.Clear();
        _acknowledged.Clear();
        _lost.Clear();
        return released;
    }
}
