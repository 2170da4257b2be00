using Mosaik.Discovery;
using Mosaik.Groups.Raft;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups.Bonds;

// Who is a member, by the catalog and by what members say, and whether tickets still hold (spec/groups.md §4.2, §4.7).
internal sealed partial class BondManager
{
    private PeerVersion? _ownVersion;
    private SignedPeerEntry? _ownEvaluated;
    private Expiration _ownExpires;

    /// <summary>Entries of these peers have changed.</summary>
    public void OnCatalogChanged(IEnumerable<PeerId> peers)
    {
        if (_stopped)
            return;
        var catalog = _context.Discovery.Catalog;
        foreach (var peer in peers)
        {
            if (peer != _context.LocalId)
                OnEntryChanged(peer, catalog.GetSigned(peer));
        }

        CarryOut();
    }

    /// <summary>This node's own entry was published, perhaps in a new version.</summary>
    public void OnOwnEntryPublished()
    {
        var own = _context.Discovery.Me;
        if (_stopped || own.Version == _ownVersion)
            return;
        _ownVersion = own.Version;
        if (_bonds.Count > 0)
        {
            var frame = BondMessage.OfEntry(BondMessage.PeerEntryUpdate, own.Bytes);
            Send(new OutgoingFrame(null, frame, FrameKind.Message));
        }

        EvaluateOwn();
    }

    /// <inheritdoc/>
    void IBondOwner.OnEntry(BondConnection bond, ReadOnlyMemory<byte> entry, bool isUpdate)
    {
        if (ParsedPeerEntry.TryRead(entry, out var parsed))
            LearnEntries(bond.PeerId, [parsed], isHint: !isUpdate);
    }

    /// <summary>Verifies entries that members have sent and feeds them to discovery. From any thread.</summary>
    private void LearnEntries(PeerId sender, IReadOnlyList<ParsedPeerEntry> entries, bool isHint = true)
    {
        if (entries.Count == 0)
            return;
        if (Interlocked.Increment(ref _entriesInWork) > MaxEntriesInWork)
        {
            Interlocked.Decrement(ref _entriesInWork);
            return;
        }

        _tasks.Start(async () =>
        {
            try
            {
                var members = await VerifyAsync(sender, entries).ConfigureAwait(false);
                if (isHint && members.Count > 0)
                    await _loop.PostAsync(() => AddHints(members)).ConfigureAwait(false);
            }
            catch (Exception error) when (error is MosaikException or OperationCanceledException)
            {
                // The node stops.
            }
            finally
            {
                Interlocked.Decrement(ref _entriesInWork);
            }
        });
    }

    private async ValueTask<List<PeerId>> VerifyAsync(PeerId sender, IReadOnlyList<ParsedPeerEntry> entries)
    {
        var state = _context.Discovery.Catalog.State;
        var members = new List<PeerId>();
        var unknown = new List<ParsedPeerEntry>();
        foreach (var entry in entries)
        {
            if (entry.NetworkId != _context.NetworkId || entry.Id == _context.LocalId)
                continue;
            if (state.Signed.TryGetValue(entry.Id, out var known) && known.Bytes.Span.SequenceEqual(entry.Bytes.Span))
                members.Add(entry.Id);
            else
                unknown.Add(entry);
        }

        var driver = _context.Discovery.Driver;
        var (verified, failed) = await driver.Verification.VerifyAsync(unknown, CancellationToken.None).ConfigureAwait(false);
        if (failed > 0)
        {
            _context.Metrics.EntriesRejected(failed);
            if (_context.LogLimiter.TryPass(nameof(GroupsLog.InvalidEntries), out var suppressed))
                GroupsLog.InvalidEntries(_context.Logger, _context.GroupId, sender, failed, suppressed);
        }

        if (verified.Count > 0)
            await driver.OfferAsync(verified, EntrySource.Feed).ConfigureAwait(false);
        members.AddRange(verified.Select(static e => e.Id));
        return members;
    }

    private void AddHints(List<PeerId> peers)
    {
        if (_stopped)
            return;
        var catalog = _context.Discovery.Catalog;
        foreach (var peer in peers)
        {
            if (!_evidence.TryGetValue(peer, out var evidence))
            {
                if (_evidence.Count >= MaxHints || catalog.GetSigned(peer) is not { } entry)
                    continue;
                _evidence[peer] = evidence = new PeerEvidence { Entry = entry };
            }

            if (evidence.IsHinted)
                continue;
            evidence.IsHinted = true;
            Evaluate(peer, evidence, contentChanged: evidence.IsValid is null);
        }

        CarryOut();
    }

    private PeerEvidence EvidenceOf(PeerId peer)
    {
        if (!_evidence.TryGetValue(peer, out var evidence))
            _evidence[peer] = evidence = new PeerEvidence();
        return evidence;
    }

    private void OnEntryChanged(PeerId peer, SignedPeerEntry? entry)
    {
        var isBonded = _bonds.TryGetValue(peer, out var bond);
        if (entry is null)
        {
            // A bond lives on with the last known entry.
            if (_evidence.TryGetValue(peer, out var gone))
            {
                gone.IsListed = gone.IsHinted = false;
                Decide(peer, gone, entryChanged: false);
            }

            return;
        }

        var isListed = entry.Entry.Groups.Contains(_context.GroupId);
        if (!isListed && !isBonded && !_evidence.ContainsKey(peer))
            return;
        var evidence = EvidenceOf(peer);
        var contentChanged = evidence.Entry is null || !evidence.Entry.Entry.ContentEquals(entry.Entry);
        evidence.Entry = entry;
        evidence.IsListed = isListed;
        if (bond is not null && entry.Version.IsNewerThan(bond.Peer.Version))
            bond.Peer = entry;
        Evaluate(peer, evidence, contentChanged);
    }

    /// <summary>Asks the validators about a peer whose entry is new, and decides.</summary>
    private void Evaluate(PeerId peer, PeerEvidence evidence, bool contentChanged)
    {
        if (_context.Options.Tickets.Count == 0)
            evidence.IsValid = true;
        else if ((contentChanged || evidence.IsValid is null) && evidence.Entry is { } entry)
        {
            _tasks.Start(async () =>
            {
                var isValid = _context.IsValid(entry.Entry, out var expires);
                await _loop.PostAsync(() => OnEvaluated(peer, entry, isValid, expires)).ConfigureAwait(false);
            });
        }

        Decide(peer, evidence, contentChanged);
    }

    private void OnEvaluated(PeerId peer, SignedPeerEntry entry, bool isValid, Expiration expires)
    {
        if (!_evidence.TryGetValue(peer, out var evidence) || evidence.Entry is null || !evidence.Entry.Entry.ContentEquals(entry.Entry))
            return; // a newer entry is being judged
        evidence.IsValid = isValid;
        evidence.Expires = isValid ? expires : Expiration.Never;
        Decide(peer, evidence, entryChanged: true);
        CarryOut();
    }

    private void Decide(PeerId peer, PeerEvidence evidence, bool entryChanged)
    {
        var isTarget = !_stopped && evidence.IsMember && evidence.IsValid == true && !_context.Node.IsTooFar(peer, null);
        _table.SetTarget(peer, isTarget, entryChanged, _context.Now);
        if (_bonds.TryGetValue(peer, out var bond))
        {
            if (evidence.IsValid == false)
                bond.Close(CloseCode.GroupNotAllowed);
        }
        else if (!evidence.IsMember)
        {
            _evidence.Remove(peer);
        }
    }

    private void EvaluateOwn()
    {
        if (_context.Options.Tickets.Count == 0)
            return;
        var own = _context.Discovery.Me;
        _ownEvaluated = own;
        _ownExpires = Expiration.Never;
        _tasks.Start(async () =>
        {
            var isValid = _context.IsValid(own.Entry, out var expires);
            await _loop.PostAsync(() =>
            {
                if (!ReferenceEquals(_ownEvaluated, own))
                    return;
                _ownExpires = isValid ? expires : Expiration.Never;
                _loop.OnAuthorized(isValid);
            }).ConfigureAwait(false);
        });
    }

    /// <summary>The monotonic time of the next ticket that expires.</summary>
    private TimeSpan? NextExpiration()
    {
        if (_context.Options.Tickets.Count == 0)
            return null;
        var earliest = _ownExpires;
        foreach (var evidence in _evidence.Values)
            earliest = evidence.Expires < earliest ? evidence.Expires : earliest;
        return earliest.Remaining(_context.TimeProvider.GetUtcNow()) is { } left ? _context.Now + left : null;
    }

    private void CheckExpirations()
    {
        if (_context.Options.Tickets.Count == 0)
            return;
        var now = _context.TimeProvider.GetUtcNow();
        if (_ownExpires.IsExpired(now))
            EvaluateOwn();
        foreach (var (peer, evidence) in _evidence.ToArray())
        {
            if (!evidence.Expires.IsExpired(now))
                continue;
            evidence.Expires = Expiration.Never;
            Evaluate(peer, evidence, contentChanged: true);
        }
    }
}
