using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups.Bonds;

// The initiator's side of a handshake (spec/groups.md §4.3).
internal sealed partial class BondManager
{
    /// <summary>How often in a row a peer that does not know this node is synchronised with.</summary>
    private const int MaxUnknown = 3;

    private void StartDial(PeerId peer, long number)
    {
        if (!_evidence.TryGetValue(peer, out var evidence) || evidence.Entry is not { } entry)
        {
            _table.OnDialFailed(peer, number, isRefused: false, _context.Now);
            return;
        }

        var dial = new DialAttempt(peer, number);
        _dials[peer] = dial;
        _tasks.Start(() => DialAsync(dial, entry));
    }

    private async Task DialAsync(DialAttempt dial, SignedPeerEntry entry)
    {
        Outcome outcome;
        try
        {
            outcome = await AttemptAsync(dial, entry).ConfigureAwait(false);
        }
        catch (Exception error) when (error is MosaikException or OperationCanceledException)
        {
            outcome = new Outcome(null, default, (error as LinkException)?.RemoteCode, error.Message);
        }

        if (await _loop.PostAsync(() => OnDialEnded(dial, outcome)).ConfigureAwait(false))
            return;
        if (outcome.Link is { } link)
            await link.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Connects and shakes hands; a peer that does not know us is synchronised with first.</summary>
    private async Task<Outcome> AttemptAsync(DialAttempt dial, SignedPeerEntry entry)
    {
        for (var unknown = 0; ; unknown++)
        {
            var link = await _context.Node.OpenLinkAsync(entry.Entry.Address, dial.Token).ConfigureAwait(false);
            var isKept = false;
            try
            {
                if (!dial.TryAttach(link))
                    throw new OperationCanceledException(dial.Token);
                var outcome = await ShakeHandsAsync(dial, link).ConfigureAwait(false);
                isKept = outcome.Link is not null;
                return outcome;
            }
            catch (LinkException error) when (error.RemoteCode == CloseCode.UnknownPeer && unknown < MaxUnknown)
            {
                if (!await _loop.AskAsync(() => _table.OnStartSent(dial.Peer, dial.Number, sent: false)).ConfigureAwait(false))
                    throw new OperationCanceledException(dial.Token);
                await _context.Discovery.SyncWithAsync(entry.Entry.Address, dial.Token).ConfigureAwait(false);
            }
            finally
            {
                if (!isKept)
                {
                    dial.Detach();
                    await link.DisposeAsync().ConfigureAwait(false);
                }
            }
        }
    }

    private async ValueTask<Outcome> ShakeHandsAsync(DialAttempt dial, Link link)
    {
        var exporter = BondProof.Export(link, _context.GroupId);
        List<SignedPeerEntry> entries = [];
        if (!await _loop.AskAsync(() =>
            {
                entries = EntriesOfBonds();
                return _table.OnStartSent(dial.Peer, dial.Number);
            }).ConfigureAwait(false))
            throw new OperationCanceledException(dial.Token);
        using var deadline = new Deadline(
            _context.TimeProvider, _context.Node.Options.HandshakeTimeout, "A group handshake", dial.Peer, null, dial.Token);
        var start = BondHandshake.EncodeStart(
            _context.NetworkId, _context.GroupId, BondProof.Of(_context.Key, exporter, _context.LocalId), entries, OwnExtension());
        await link.SendRawAsync(start, deadline).ConfigureAwait(false);
        var payload = await link.ReceiveAsync(deadline).ConfigureAwait(false);
        if (!BondHandshake.TryReadEnd(payload.ToArray(), out var end))
            return await RefuseAsync(link, CloseCode.InvalidHandshake).ConfigureAwait(false);
        if (!BondProof.Verify(end.Proof, _context.Key, exporter, dial.Peer))
            return await RefuseAsync(link, CloseCode.InvalidProof).ConfigureAwait(false);
        if (!IsSufficient(end.Extension))
            return await RefuseAsync(link, CloseCode.GroupNotAllowed).ConfigureAwait(false);
        return new Outcome(link, end, null, null);
    }

    private static async ValueTask<Outcome> RefuseAsync(Link link, CloseCode code)
    {
        try
        {
            await link.CloseAsync(code).ConfigureAwait(false);
        }
        catch (LinkException)
        {
            // It closed first; the outcome is the same.
        }

        return new Outcome(null, default, code, $"its answer was refused with {code}");
    }

    private void OnDialEnded(DialAttempt dial, Outcome outcome)
    {
        if (_dials.TryGetValue(dial.Peer, out var current) && current == dial)
            _dials.Remove(dial.Peer);
        dial.Detach();
        dial.Dispose();
        if (outcome.Link is { } link)
        {
            OnDialCompleted(dial, link, outcome.End);
        }
        else if (_table.IsCurrentDial(dial.Peer, dial.Number))
        {
            var isRefused = outcome.Code == CloseCode.InvalidProof || outcome.Code == CloseCode.GroupNotAllowed;
            GroupsLog.DialFailed(
                _context.Logger,
                isRefused ? Microsoft.Extensions.Logging.LogLevel.Warning : Microsoft.Extensions.Logging.LogLevel.Debug,
                _context.GroupId,
                dial.Peer,
                outcome.Problem ?? "");
            _table.OnDialFailed(dial.Peer, dial.Number, isRefused, _context.Now);
        }

        CarryOut();
    }

    private void OnDialCompleted(DialAttempt dial, Link link, BondHandshake.End end)
    {
        var number = ++_lastBond;
        var entry = _context.Discovery.Catalog.GetSigned(dial.Peer) ?? _evidence.GetValueOrDefault(dial.Peer)?.Entry;
        var isWanted = !_stopped && entry is not null
            && _table.OnDialCompleted(dial.Peer, dial.Number, number, end.Extension?.Incarnation, _context.Now);
        if (!isWanted)
        {
            link.Abort(_stopped ? CloseCode.Cancelled : CloseCode.AlreadyBonded);
            _tasks.Start(async () => await link.DisposeAsync().ConfigureAwait(false));
            return;
        }

        Register(new BondConnection(_context, this, link, number, entry!, end.Extension), end.Entries); // wanted only with an entry
    }

    /// <param name="Link">The link of a handshake that succeeded.</param>
    /// <param name="End">The peer's answer to it.</param>
    /// <param name="Code">The code of the end, if there is one.</param>
    /// <param name="Problem">In words, for the log.</param>
    private sealed record Outcome(Link? Link, BondHandshake.End End, CloseCode? Code, string? Problem);
}
