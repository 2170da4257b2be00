using Mosaik.Discovery;
using Mosaik.Groups.Raft;
using Mosaik.Networking;

namespace Mosaik.Groups.Bonds;

// The acceptor's side of a handshake, from step 6 on (spec/groups.md §4.3).
internal sealed partial class BondManager
{
    /// <summary>Judges a handshake that has arrived. Runs in a task of its own.</summary>
    /// <returns>The code to refuse it with; null when the link belongs to a bond now.</returns>
    public async ValueTask<CloseCode?> AdmitAsync(Link link, BondHandshake.Start start, SignedPeerEntry caller)
    {
        var offer = new Offer(
            link,
            start.Rest,
            caller,
            _context.IsValid(caller.Entry, out _),
            BondProof.Verify(start.Rest.Proof, _context.Key, BondProof.Export(link, _context.GroupId), link.RemoteId));
        CloseCode? code = null;
        var isAnswered = await _loop.AskAsync(() =>
        {
            code = Judge(offer);
            return true;
        }).ConfigureAwait(false);
        return isAnswered ? code : CloseCode.GroupNotFound;
    }

    /// <summary>The checks in the order of the specification; the loop's state cannot change in between.</summary>
    private CloseCode? Judge(Offer offer)
    {
        var (peer, extension) = (offer.Link.RemoteId, offer.Rest.Extension);
        if (_stopped)
            return CloseCode.GroupNotFound;
        var isSilent = _bonds.TryGetValue(peer, out var existing) && existing.HasMissedHeartbeat;
        var verdict = _table.CheckInbound(peer, extension?.Incarnation, isSilent);
        if (verdict == InboundVerdict.AlreadyBonded)
            return CloseCode.AlreadyBonded;
        if (!offer.IsValid || !IsSufficient(extension))
            return CloseCode.GroupNotAllowed;
        if (!offer.IsProven)
            return CloseCode.InvalidProof;
        if (offer.Link.Connection.CloseInfo is not null)
            return CloseCode.Cancelled; // it left while it was being judged

        var number = ++_lastBond;
        var entries = EntriesOfBonds();
        _table.AcceptInbound(peer, number, extension?.Incarnation, _context.Now);
        CarryOut();
        var bond = new BondConnection(_context, this, offer.Link, number, offer.Caller, extension);
        SendEnd(bond, entries);
        Register(bond, offer.Rest.Entries);
        return null;
    }

    /// <summary>The answer is the first frame of the bond, so that nothing can come before it.</summary>
    private void SendEnd(BondConnection bond, List<SignedPeerEntry> entries)
    {
        var proof = BondProof.Of(_context.Key, BondProof.Export(bond.Link, _context.GroupId), _context.LocalId);
        var bytes = BondHandshake.EncodeEnd(proof, entries, OwnExtension());
        var frame = SharedFrame.Rent(bytes.Length);
        bytes.CopyTo(frame.Room);
        frame.Seal(bytes.Length);
        bond.Send(frame, FrameKind.Message);
        frame.Release();
    }

    private sealed record Offer(Link Link, BondHandshake.End Rest, SignedPeerEntry Caller, bool IsValid, bool IsProven);
}
