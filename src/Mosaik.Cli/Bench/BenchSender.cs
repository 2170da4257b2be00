using System.Diagnostics;
using Mosaik.Streams;

namespace Mosaik.Cli.Bench;

/// <summary>
/// Sends as fast as the receiver takes it, or by a schedule that waits for nobody; first unmeasured, then measured.
/// </summary>
internal sealed class BenchSender(Producer<byte[]> producer, int size, int rate)
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    private readonly byte[] _datum = new byte[size];
    private long _number;

    /// <summary>Runs, and waits until everything has arrived.</summary>
    /// <returns>The processor time per measured datum, in microseconds.</returns>
    public async Task<double> RunAsync(TimeSpan duration, CancellationToken cancellation)
    {
        await SendAsync(WarmUp, 0, cancellation).ConfigureAwait(false);
        var cpu = Environment.CpuUsage.TotalTime;
        var before = _number;
        await SendAsync(duration, BenchDatum.Measured, cancellation).ConfigureAwait(false);
        var used = Environment.CpuUsage.TotalTime - cpu;
        var sent = _number - before;
        BenchDatum.Write(_datum, _number++, Stopwatch.GetTimestamp(), BenchDatum.End);
        await producer.WriteAsync(_datum, cancellation).ConfigureAwait(false);
        await producer.FlushAsync(cancellation).ConfigureAwait(false);
        return used.TotalMicroseconds / Math.Max(1, sent);
    }

    private async Task SendAsync(TimeSpan duration, byte phase, CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        var ticksPerDatum = rate > 0 ? (double)Stopwatch.Frequency / rate : 0;
        for (long i = 0; Stopwatch.GetElapsedTime(start) < duration; i++)
        {
            var now = Stopwatch.GetTimestamp();
            if (rate > 0 && start + (long)(i * ticksPerDatum) > now)
            {
                // Datums that become due in a pause are due when it ends; those that wait behind a slow send are late.
                await Task.Delay(Tick, cancellation).ConfigureAwait(false);
                var end = Stopwatch.GetTimestamp();
                while (start + (long)(i * ticksPerDatum) <= end && Stopwatch.GetElapsedTime(start) < duration)
                {
                    await WriteAsync(end, phase, cancellation).ConfigureAwait(false);
                    i++;
                }

                i--;
                continue;
            }

            await WriteAsync(rate > 0 ? start + (long)(i * ticksPerDatum) : now, phase, cancellation).ConfigureAwait(false);
        }
    }

    private ValueTask WriteAsync(long due, byte phase, CancellationToken cancellation)
    {
        BenchDatum.Write(_datum, _number++, due, phase);
        return producer.WriteAsync(_datum, cancellation); // encoded before it returns: nobody else is subscribed meanwhile
    }
}
