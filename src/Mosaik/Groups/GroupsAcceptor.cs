using Mosaik.Discovery;
using Mosaik.Groups.Bonds;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// The acceptor's side of a handshake, up to the group (spec/groups.md §4.3, steps 1–5). Each inbound connection is served by
/// a task of its own with its own deadline.
/// </summary>
internal sealed class GroupsAcceptor(GroupsContext context, NetworkGroups groups) : IProtocolHandler
{
    /// <inheritdoc/>
    public async ValueTask ServeAsync(InboundConnection inbound, CancellationToken termination)
    {
        var peer = inbound.RemoteId;
        if (CheckCaller(inbound, out var caller) is { } stranger)
        {
            GroupsLog.HandshakeFailed(context.Logger, peer, $"refused with {stranger}");
            await inbound.Connection.CloseAsync(stranger, stranger.Name).ConfigureAwait(false);
            return;
        }

        if (await ReadStartAsync(inbound, termination).ConfigureAwait(false) is not var (link, payload))
            return;
        var isKept = false;
        try
        {
            var (code, group) = await JudgeAsync(link, payload, caller!).ConfigureAwait(false); // a caller that is no stranger
            isKept = code is null;
            if (code is { } refusal)
            {
                GroupsLog.HandshakeRefused(context.Logger, group, peer, refusal);
                await link.CloseAsync(refusal).ConfigureAwait(false);
            }
        }
        catch (LinkException error)
        {
            GroupsLog.HandshakeFailed(context.Logger, peer, error.Message); // it left while it was being refused
        }
        finally
        {
            if (!isKept)
                await link.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask<(CloseCode? Code, GroupId Group)> JudgeAsync(
        Link link, ReadOnlyMemory<byte> payload, SignedPeerEntry caller)
    {
        if (!BondHandshake.TryReadStart(payload, out var start))
            return (CloseCode.InvalidHandshake, default);
        if (start.Network != context.NetworkId)
            return (CloseCode.DifferentNetwork, start.Group);
        if (groups.Find(start.Group) is not { } driver)
            return (CloseCode.GroupNotFound, start.Group);
        return (await driver.AdmitAsync(link, start, caller).ConfigureAwait(false), start.Group);
    }

    private CloseCode? CheckCaller(InboundConnection inbound, out SignedPeerEntry? caller)
    {
        caller = context.Discovery.Catalog.GetSigned(inbound.RemoteId);
        if (caller is null)
            return CloseCode.UnknownPeer;
        return context.IsTooFar(inbound.RemoteId, inbound.Connection.Rtt) ? CloseCode.GroupNotAllowed : null;
    }

    /// <summary>Step 3: null when the caller left, was too late or broke the framing; the link is closed then.</summary>
    private async ValueTask<(Link Link, ReadOnlyMemory<byte> Payload)?> ReadStartAsync(
        InboundConnection inbound, CancellationToken termination)
    {
        Link? link = null;
        using var deadline = inbound.StartDeadline(context.Options.HandshakeTimeout, termination);
        try
        {
            link = await inbound.AcceptLinkAsync(deadline, termination).ConfigureAwait(false);
            var payload = await link.ReceiveAsync(deadline).ConfigureAwait(false);
            return (link, payload.ToArray());
        }
        catch (Exception error) when (error is MosaikException or OperationCanceledException)
        {
            GroupsLog.HandshakeFailed(context.Logger, inbound.RemoteId, error.Message);
            if (link is not null)
                await link.DisposeAsync().ConfigureAwait(false);
            return null;
        }
    }
}
