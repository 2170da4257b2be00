using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// Liveness, round-trip time and a fresh entry of one peer (spec/discovery.md §10.1): an empty frame there, a signed
/// entry
/// back, close 200. The deadline of 5 s covers the whole operation, the connect included.
/// </summary>
internal static class Ping
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    public static async ValueTask<PingResult> RunAsync(
        DiscoveryDriver driver, EndpointAddress address, CancellationToken cancellationToken)
    {
        using var deadline = new Deadline(driver.TimeProvider, Limit, "A ping", address.Id, null, cancellationToken);
        try
        {
            Link link = await driver.Node
                .OpenLinkAsync(WireProtocol.Ping, address, driver.Node.Termination, deadline.Token).ConfigureAwait(false);
            await using (link.ConfigureAwait(false))
            {
                await link.SendRawAsync(ReadOnlyMemory<byte>.Empty, deadline).ConfigureAwait(false);
                ReadOnlyMemory<byte> answer = await link.ReceiveAsync(deadline).ConfigureAwait(false);
                SignedPeerEntry entry = Check(driver, link, address.Id, answer);
                var result = new PingResult(entry, link.Rtt);
                await link.CloseAsync(CloseCode.Success).ConfigureAwait(false);
                return result;
            }
        }
        catch (OperationCanceledException e) when (deadline.IsExpired)
        {
            throw deadline.ToException(e);
        }
    }

    private static SignedPeerEntry Check(DiscoveryDriver driver, Link link, PeerId dialled, ReadOnlyMemory<byte> answer)
    {
        if (!ParsedPeerEntry.TryRead(answer, out ParsedPeerEntry parsed))
            throw link.Receiver.Undecodable(new DecodeError("not a signed peer entry", 0));
        if (parsed.Id != dialled)
            throw DiscoveryException.UnexpectedPeer(dialled, parsed.Id);
        if (parsed.TryVerify(driver.Verification.Verifier, out SignedPeerEntry? entry) != EntryFault.None || entry is null)
            throw DiscoveryException.InvalidSignature(dialled);
        return entry.NetworkId == driver.Node.NetworkId
            ? entry
            : throw DiscoveryException.DifferentNetwork(driver.Node.NetworkId, entry.NetworkId);
    }
}
