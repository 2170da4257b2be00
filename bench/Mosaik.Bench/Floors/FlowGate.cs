namespace Mosaik.Bench.Floors;

/// <summary>
/// Keeps a sender of datagrams at most so far ahead of the receiver that nothing is dropped: a floor that loses what it
/// sent is lower than what the machine can do (B5). A sender that is too far ahead sleeps until half of the distance is
/// made up, so that waiting costs neither of them processor time.
/// </summary>
internal sealed class FlowGate
{
    // Half of what fits into the smallest receive buffer.
    private const long MaxAhead = 1024 * NativeUdp.DatagramSize;

    private const int MaxIdleSteps = 10;

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    private readonly object _waiting = new();
    private long _sent;
    private long _received;
    private bool _isWaiting;

    public long Sent => Volatile.Read(ref _sent);

    public long Received => Volatile.Read(ref _received);

    /// <summary>By the sender, before each send. False when the receiver does not move any more.</summary>
    public bool TrySend(int bytes)
    {
        if (_sent - Volatile.Read(ref _received) > MaxAhead && !WaitForHalf())
            return false;
        Volatile.Write(ref _sent, _sent + bytes);
        return true;
    }

    /// <summary>By the receiver, after each receive.</summary>
    public void OnReceived(int bytes)
    {
        // A full fence: the sender says that it waits and then looks at the count, this side the other way round.
        Interlocked.Exchange(ref _received, _received + bytes);
        if (!Volatile.Read(ref _isWaiting) || _received < Volatile.Read(ref _sent) - (MaxAhead / 2))
            return;
        lock (_waiting)
        {
            _isWaiting = false;
            Monitor.Pulse(_waiting);
        }
    }

    private bool WaitForHalf()
    {
        lock (_waiting)
        {
            Interlocked.Exchange(ref _isWaiting, true);
            var (seen, idle) = (0L, 0);
            while (_isWaiting && _sent - Volatile.Read(ref _received) > MaxAhead / 2)
            {
                if (Monitor.Wait(_waiting, Step))
                    continue;
                // Slow is not dead: on a busy machine the receiver may wait long for a processor.
                idle = Received == seen ? idle + 1 : 0;
                if (idle == MaxIdleSteps)
                    return false;
                seen = Received;
            }

            _isWaiting = false;
            return true;
        }
    }
}
