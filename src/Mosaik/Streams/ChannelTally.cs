using System.Collections.Immutable;
using Mosaik.Discovery;

namespace Mosaik.Streams;

/// <summary>
/// The running value of one condition: how many connected channels match. A change of a channel costs O(1), whatever
/// the number of channels, because each channel is judged once: what predicates see of it never changes
/// (spec/streams.md §6.3).
/// </summary>
/// <remarks>Not thread-safe: whoever owns the channels serialises the calls.</remarks>
internal sealed class ChannelTally
{
    private readonly int _minimum;
    private readonly bool _inverted;
    private readonly ImmutableArray<Func<PeerEntry, bool>> _predicates;
    private readonly Dictionary<long, bool?> _judged = [];
    private int _matching;
    private int _failing;

    /// <summary>A tally of no channel.</summary>
    public ChannelTally(int minimum, bool inverted, ImmutableArray<Func<PeerEntry, bool>> predicates) =>
        (_minimum, _inverted, _predicates) = (minimum, inverted, predicates);

    /// <summary>Whether the condition is met; never while a predicate fails for a connected channel.</summary>
    public bool IsMet => _failing == 0 && _matching >= _minimum != _inverted;

    /// <summary>What a predicate, which is user code, has thrown last.</summary>
    public Exception? Error { get; private set; }

    /// <summary>A channel has been connected.</summary>
    public void OnConnected(ChannelInfo channel) => Count(channel, 1);

    /// <summary>A channel is no longer connected.</summary>
    public void OnDisconnected(ChannelInfo channel) => Count(channel, -1);

    /// <summary>A channel has left the set; it is not connected.</summary>
    public void OnRemoved(ChannelInfo channel) => _judged.Remove(channel.Generation);

    private void Count(ChannelInfo channel, int change)
    {
        if (_predicates.IsEmpty)
        {
            _matching += change;
            return;
        }

        if (!_judged.TryGetValue(channel.Generation, out var matches))
            _judged[channel.Generation] = matches = Judge(channel.Peer);
        if (matches is null)
            _failing += change;
        else if (matches.Value)
            _matching += change;
    }

    /// <summary>Null when a predicate fails.</summary>
    private bool? Judge(PeerEntry peer)
    {
        try
        {
            foreach (var predicate in _predicates)
                if (!predicate(peer))
                    return false;
            return true;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            Error = error;
            return null;
        }
    }
}
