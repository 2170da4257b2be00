using System.Runtime.InteropServices;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>What the rules say of a peer, and until when that holds.</summary>
/// <param name="IsAllowed">Whether the peer fulfils all rules.</param>
/// <param name="AskedForRtt">Whether a rule looked at the round-trip time: a change of it may change the
/// outcome.</param>
/// <param name="Expiration">When the first of the required tickets expires.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PeerVerdict(bool IsAllowed, bool AskedForRtt, Expiration Expiration);

/// <summary>
/// The rules of one producer or consumer for its peers: a predicate and required tickets (spec/streams.md §14). They
/// are user code: what throws says no, and is logged.
/// </summary>
internal sealed class PeerRules
{
    private readonly StreamContext _context;
    private readonly StreamId _stream;
    private readonly Func<PeerInfo, bool>? _predicate;
    private readonly ITicketValidator[] _tickets;

    public PeerRules(
        StreamContext context, StreamId stream, Func<PeerInfo, bool>? predicate, IReadOnlyList<ITicketValidator> tickets)
    {
        _context = context;
        _stream = stream;
        _predicate = predicate;
        _tickets = [.. tickets];
    }

    /// <summary>Whether everybody is allowed.</summary>
    public bool AreEmpty => _predicate is null && _tickets.Length == 0;

    /// <summary>Judges an entry and a round-trip time, as they are now.</summary>
    public PeerVerdict Judge(PeerEntry entry, TimeSpan? rtt)
    {
        if (AreEmpty)
            return new PeerVerdict(true, false, Expiration.Never);
        var peer = new PeerInfo(entry, rtt);
        var expiration = Expiration.Never;
        var allowed = false;
        try
        {
            allowed = _predicate?.Invoke(peer) != false
                && entry.ValidateTickets(_tickets, _context.TimeProvider.GetUtcNow(), out expiration);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            if (_context.LogLimiter.TryPass(nameof(Judge), out _))
                StreamsLog.PredicateFailed(_context.Logger, _stream, entry.Id, error);
        }

        return new PeerVerdict(allowed, peer.RttWasRead, allowed ? expiration : Expiration.Never);
    }
}
