using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// Answers pings with the own entry under a fresh version. Pings within 50 ms get the same answer, provided nothing was
/// signed
/// in between (spec/discovery.md §10.1).
/// </summary>
internal sealed class PingHandler(DiscoveryDriver driver) : IProtocolHandler
{
    private static readonly TimeSpan Shared = TimeSpan.FromMilliseconds(50);

    private Answer? _last;

    public async ValueTask ServeAsync(InboundConnection inbound, CancellationToken termination)
    {
        try
        {
            using Deadline deadline = inbound.StartDeadline(termination);
            Link link = await inbound.AcceptLinkAsync(deadline, termination).ConfigureAwait(false);
            await using (link.ConfigureAwait(false))
            {
                await link.ReceiveAsync(deadline).ConfigureAwait(false); // its content has no meaning
                await link.SendRawAsync(CurrentAnswer(), deadline).ConfigureAwait(false);
                await CatalogSync.WaitForCloseAsync(driver, link, termination).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is MosaikException or OperationCanceledException)
        {
            DiscoveryLog.ServingEnded(driver.Logger, WireProtocol.Ping.Name, inbound.RemoteId, e.Message);
        }
    }

    private ReadOnlyMemory<byte> CurrentAnswer()
    {
        TimeSpan now = driver.Now.Monotonic;
        driver.Local.Sign(driver.WallMs); // a change that was not published yet is now
        // Whatever was signed since then has a greater version, and the answer must be the newest.
        if (Volatile.Read(ref _last) is { } last && now - last.At < Shared && last.Entry.Version == driver.Local.HighWater)
            return last.Entry.Bytes;
        SignedPeerEntry entry = driver.Local.SignForAnswer(driver.WallMs);
        Volatile.Write(ref _last, new Answer(entry, now));
        return entry.Bytes;
    }

    private sealed record Answer(SignedPeerEntry Entry, TimeSpan At);
}
