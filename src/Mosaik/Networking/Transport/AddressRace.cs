using System.Net;
using Mosaik.Quic;
using Mosaik.Waiting;

namespace Mosaik.Networking.Transport;

/// <summary>
/// One connect over several addresses (spec/quic.md §8.1 rule 5, after RFC 8305): attempts start 250 ms apart, a failed
/// one starts the next at once, the first complete handshake wins, the others are closed with code 0.
/// </summary>
internal sealed class AddressRace
{
    internal static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private readonly Func<IPEndPoint, CancellationToken, ValueTask<QuicConnection>> _connect;
    private readonly TimeProvider _timeProvider;
    private readonly Signal _changed;
    private QuicConnection? _winner;
    private Exception? _error;
    private int _running;
    private bool _over;

    public AddressRace(
        Func<IPEndPoint, CancellationToken, ValueTask<QuicConnection>> connect,
        TimeProvider timeProvider,
        TaskScheduler scheduler)
    {
        _connect = connect;
        _timeProvider = timeProvider;
        _changed = new Signal(scheduler, timeProvider);
    }

    /// <summary>Runs the race.</summary>
    /// <exception cref="QuicException">Every address failed; the exception is that of the last one.</exception>
    public async ValueTask<QuicConnection> RunAsync(IReadOnlyList<IPEndPoint> addresses, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var attempts = new List<Task>(addresses.Count);
        try
        {
            var startedAt = _timeProvider.GetTimestamp();
            while (true)
            {
                var (winner, running, error) = Look();
                if (winner is not null)
                    return winner;
                var next = attempts.Count;
                if (next == addresses.Count && running == 0)
                    throw error!; // the last attempt has failed
                var wait = Timeout.InfiniteTimeSpan;
                if (next < addresses.Count)
                {
                    wait = next == 0 || running == 0
                        ? TimeSpan.Zero
                        : Interval - _timeProvider.GetElapsedTime(startedAt);
                    if (wait <= TimeSpan.Zero)
                    {
                        startedAt = _timeProvider.GetTimestamp();
                        lock (_lock)
                            _running++;
                        attempts.Add(AttemptAsync(addresses[next], stop.Token));
                        continue;
                    }
                }

                await _changed.WaitAsync(wait, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            lock (_lock)
                _over = true;
            stop.Cancel();
            await Task.WhenAll(attempts).ConfigureAwait(false);
        }
    }

    private (QuicConnection? Winner, int Running, Exception? Error) Look()
    {
        lock (_lock)
            return (_winner, _running, _error);
    }

    private async Task AttemptAsync(IPEndPoint address, CancellationToken cancellationToken)
    {
        QuicConnection? connection = null;
        Exception? error = null;
        try
        {
            connection = await _connect(address, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is QuicException or OperationCanceledException)
        {
            error = e;
        }

        lock (_lock)
        {
            _running--;
            if (error is not null)
                _error = error;
            else if (_winner is null && !_over)
                (_winner, connection) = (connection, null);
        }

        _changed.Set();
        if (connection is not null)
            await connection.DisposeAsync().ConfigureAwait(false); // came second
    }
}
