using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>Serves inbound catalog syncs, each in a task of its own: a slow peer harms nobody else.</summary>
internal sealed class CatalogSyncHandler(DiscoveryDriver driver) : IProtocolHandler
{
    public async ValueTask ServeAsync(InboundConnection inbound, CancellationToken termination)
    {
        try
        {
            Link link;
            using (Deadline deadline = inbound.StartDeadline(termination))
                link = await inbound.AcceptLinkAsync(deadline, termination).ConfigureAwait(false);
            await using (link.ConfigureAwait(false))
                await CatalogSync.ServeAsync(driver, link, termination).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MosaikException or OperationCanceledException)
        {
            DiscoveryLog.ServingEnded(driver.Logger, WireProtocol.Sync.Name, inbound.RemoteId, e.Message);
        }
    }
}
