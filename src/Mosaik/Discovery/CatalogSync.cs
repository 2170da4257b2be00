using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// The full exchange of catalogs with one peer over one link (spec/discovery.md §9).
/// </summary>
/// <remarks>
/// <para>Initiator: connect → send snapshot → receive snapshot → check the network → merge → close 200.
/// Responder: receive snapshot → check the network (101) → take own snapshot → merge → send it → wait for the close.
/// The responder merges before it sends, so both catalogs are merged when the initiator is done.</para>
/// <para>Limits: 64 MiB per frame (the protocol's), 10 s without progress, 60 s in total. Entries are judged one by
/// one; only a
/// list that cannot be walked voids a snapshot and closes with 400.</para>
/// </remarks>
internal static class CatalogSync
{
    private static readonly TimeSpan TotalLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StallLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan CloseWait = TimeSpan.FromSeconds(5);

    /// <summary>Syncs with a peer; all addresses come from the address book.</summary>
    public static async ValueTask InitiateAsync(DiscoveryDriver driver, SyncStart start, CancellationToken cancellationToken)
    {
        Link link = await driver.Node
            .OpenLinkAsync(WireProtocol.Sync, start.Peer, driver.Node.Termination, cancellationToken).ConfigureAwait(false);
        await using (link.ConfigureAwait(false))
        {
            using Deadline deadline = StartDeadline(driver, start.Peer, cancellationToken);
            await driver.OnSnapshotSentAsync(start.SyncId, deadline.Token).ConfigureAwait(false);
            await link.SendAsync(Snapshot(driver, driver.Catalog), CatalogSnapshot.Codec.Instance, deadline).ConfigureAwait(false);
            deadline.StartStep();
            SnapshotScan scan;
            try
            {
                scan = Scan(driver, link, await link.ReceiveAsync(deadline).ConfigureAwait(false));
            }
            catch (LinkException e) when (e.RemoteCode == CloseCode.DifferentNetwork)
            {
                throw DiscoveryException.DifferentNetwork(driver.Node.NetworkId, default);
            }
            if (scan.SenderNetwork is { } network && network != driver.Node.NetworkId)
            {
                await CloseAsync(link).ConfigureAwait(false);
                throw DiscoveryException.DifferentNetwork(driver.Node.NetworkId, network);
            }
            int changed = await MergeAsync(driver, scan, start.Peer, EntrySource.OwnSync(start.SyncId), deadline).ConfigureAwait(false);
            if (link.Rtt is { } rtt)
                driver.SampleRtt(start.Peer, rtt);
            DiscoveryLog.Synced(driver.Logger, start.Peer, changed, scan.Known);
            await CloseAsync(link).ConfigureAwait(false);
        }
    }

    /// <summary>Answers a peer that syncs with us.</summary>
    public static async ValueTask ServeAsync(DiscoveryDriver driver, Link link, CancellationToken termination)
    {
        bool completed = false;
        try
        {
            completed = await AnswerAsync(driver, link, termination).ConfigureAwait(false)
                && await WaitForCloseAsync(driver, link, termination).ConfigureAwait(false);
        }
        finally
        {
            await driver.OnInboundSyncAsync(link.RemoteId, completed).ConfigureAwait(false);
        }
        if (link.Rtt is { } rtt)
            driver.SampleRtt(link.RemoteId, rtt);
    }

    /// <summary>Merges the peer's snapshot and sends ours; false when it belongs to another network.</summary>
    private static async ValueTask<bool> AnswerAsync(DiscoveryDriver driver, Link link, CancellationToken termination)
    {
        PeerId peer = link.RemoteId;
        using Deadline deadline = StartDeadline(driver, peer, termination);
        SnapshotScan scan = Scan(driver, link, await link.ReceiveAsync(deadline).ConfigureAwait(false));
        if (scan.SenderNetwork is { } network && network != driver.Node.NetworkId)
        {
            DiscoveryLog.DifferentNetwork(driver.Logger, peer);
            await link.CloseAsync(CloseCode.DifferentNetwork).ConfigureAwait(false);
            return false;
        }
        // Taken before merging. Who does not show an entry of its own gets only ours.
        Catalog catalog = driver.Catalog;
        CatalogSnapshot snapshot = scan.SenderNetwork is null
            ? CatalogSnapshot.Of([catalog.Local])
            : Snapshot(driver, catalog);
        int changed = await MergeAsync(driver, scan, peer, EntrySource.InboundSync(peer), deadline)
            .ConfigureAwait(false);
        deadline.StartStep();
        await link.SendAsync(snapshot, CatalogSnapshot.Codec.Instance, deadline).ConfigureAwait(false);
        DiscoveryLog.Served(driver.Logger, peer, changed, scan.Known);
        return true;
    }

    /// <summary>
    /// Waits until the peer, which received the last message, closes; false when it did not within 5 s.
    /// </summary>
    public static async ValueTask<bool> WaitForCloseAsync(DiscoveryDriver driver, Link link, CancellationToken termination)
    {
        using var deadline = new Deadline(
            driver.TimeProvider, CloseWait, "The close", link.RemoteId, null, termination);
        try
        {
            await link.WaitClosedAsync(deadline.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (deadline.IsExpired)
        {
            return false; // the caller drops the link
        }
    }

    private static Deadline StartDeadline(DiscoveryDriver driver, PeerId peer, CancellationToken cancellationToken) =>
        new(driver.TimeProvider, TotalLimit, "The catalog sync", peer, StallLimit, cancellationToken);

    private static CatalogSnapshot Snapshot(DiscoveryDriver driver, Catalog catalog) => CatalogSnapshot.Fitting(
        [.. catalog.AllSigned], catalog.Local, WireProtocol.Sync.MaxInboundPayload, driver.Random);

    private static SnapshotScan Scan(DiscoveryDriver driver, Link link, ReadOnlyMemory<byte> payload) =>
        SnapshotScan.TryScan(
            payload, driver.State, driver.Local.HighWater, link.RemoteId, driver.WallMs, out SnapshotScan scan, out DecodeError error)
            ? scan
            : throw link.Receiver.Undecodable(error);

    private static async ValueTask<int> MergeAsync(
        DiscoveryDriver driver, SnapshotScan scan, PeerId sender, EntrySource source, Deadline deadline)
    {
        try
        {
            (List<SignedPeerEntry> verified, int invalid) =
                await driver.Verification.VerifyAsync(scan.Candidates, deadline.Token).ConfigureAwait(false);
            await driver.CountRefusedAsync(sender, scan.Refused, invalid).ConfigureAwait(false);
            UpsertResult[] results = verified.Count == 0
                ? []
                : await driver.OfferAsync(verified, source, deadline.Token).ConfigureAwait(false);
            return results.Count(static r => r is UpsertResult.New or UpsertResult.Updated);
        }
        catch (OperationCanceledException e) when (deadline.IsExpired)
        {
            throw deadline.ToException(e);
        }
    }

    /// <summary>The exchange is complete; a peer that is gone already does not make it fail.</summary>
    private static async ValueTask CloseAsync(Link link)
    {
        try
        {
            await link.CloseAsync(CloseCode.Success).ConfigureAwait(false);
        }
        catch (LinkException)
        {
            // It closed first; everything had been received.
        }
    }
}
