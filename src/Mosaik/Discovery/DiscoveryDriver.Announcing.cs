using Mosaik.Discovery.Gossip;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

// What gossip tells the loop, and leaving (spec/discovery.md §8, §12.1).
internal sealed partial class DiscoveryDriver
{
    private bool _oversized;

    /// <summary>The direct neighbours in gossip now.</summary>
    public IReadOnlyCollection<PeerId> Neighbours => _announcer?.Neighbours ?? [];

    /// <summary>The gossip of the node; null without.</summary>
    internal IGossip? Gossip => _gossip;

    /// <summary>Says goodbye if somebody hears it, and leaves gossip.</summary>
    public async ValueTask LeaveAsync(CancellationToken cancellationToken)
    {
        if (_announcer is null || _gossip is null)
            return; // nobody is told without gossip
        int listeners = await AskAsync(_ => _core.Leave(), cancellationToken).ConfigureAwait(false);
        if (listeners > 0)
        {
            DiscoveryLog.Leaving(Logger, listeners);
            // Its version is newer than everything that was signed before, ping answers included.
            Departure departure = Local.SignDeparture(TimeProvider.GetUtcNow());
            await _announcer.SayFarewellAsync(departure, _options.GracefulDepartureWindow, cancellationToken).ConfigureAwait(false);
        }
        await _announcer.StopAsync().ConfigureAwait(false);
        await _gossip.LeaveAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The topic of the network is subscribed.</summary>
    public ValueTask OnSubscribedAsync() => TellAsync(now =>
    {
        TellLength(contentChanged: true, now); // the limit is known for sure now
        _core.OnSubscribed(now);
    });

    public ValueTask OnNeighbourUpAsync(PeerId peer) => TellAsync(now => _core.OnNeighbourUp(peer, now));

    public ValueTask OnNeighbourDownAsync(PeerId peer) => TellAsync(now => _core.OnNeighbourDown(peer, now));

    /// <summary>Events of gossip were lost; these are the neighbours now.</summary>
    public ValueTask OnGossipLaggedAsync(IReadOnlyCollection<PeerId> neighbours) =>
        TellAsync(now => _core.OnLagged(neighbours, now));

    /// <summary>Counts announced entries that were not offered to the core.</summary>
    public ValueTask CountRefusedAsync(IReadOnlyList<(PeerId Id, UpsertResult Result)> refused) => TellAsync(now =>
    {
        foreach ((PeerId id, UpsertResult result) in refused)
            OnResult(id, result, now);
    });

    private void OnAddressChanged(EndpointAddress address)
    {
        Local.Change(e => e.WithAddress(address, TimeProvider.GetUtcNow()));
        _gossip?.OnAddressChanged(address);
        Post(new DiscoveryInput.Act(_core.OnAddressChanged));
    }

    /// <summary>Tells the core what was published, and a person if it does not fit (spec/discovery.md §8.6).</summary>
    private void TellLength(bool contentChanged, DiscoveryTime now)
    {
        if (_announcer is null)
            return;
        int length = Announcement.LengthOf(_published), limit = _announcer.MaxContentLength;
        bool oversized = length > limit;
        if (contentChanged && oversized)
            DiscoveryLog.Oversized(Logger, length, limit);
        else if (contentChanged && length >= limit - Announcement.WarnMargin)
            DiscoveryLog.NearlyOversized(Logger, length, limit);
        if (oversized != _oversized)
            _metrics.SetOversized(oversized);
        _oversized = oversized;
        _core.OnOwnPublished(_published.Version, oversized, now);
    }
}
