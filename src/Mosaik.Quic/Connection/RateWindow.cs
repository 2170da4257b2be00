using System.Runtime.InteropServices;

namespace Mosaik.Quic.Connection;

/// <summary>At most a number of occurrences per fixed window of time; the rest is refused.</summary>
[StructLayout(LayoutKind.Auto)]
internal struct RateWindow(int limit, TimeSpan length)
{
    private TimeSpan _start = TimeSpan.MinValue;
    private int _count;

    /// <summary>Counts one occurrence; false when the window is exhausted.</summary>
    public bool TryTake(TimeSpan now)
    {
        if (_start == TimeSpan.MinValue || now - _start >= length)
        {
            _start = now;
            _count = 0;
        }
        if (_count >= limit)
            return false;
        _count++;
        return true;
    }
}
