using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// Announcements that arrived together and are worth a verification: of each peer only the newest, because only that one
/// matters (spec/discovery.md §15). Not thread-safe.
/// </summary>
internal sealed class AnnouncementBatch
{
    private readonly Dictionary<PeerId, int> _places = [];
    private readonly List<ParsedPeerEntry> _entries = [];
    private readonly List<PeerId> _hops = [];

    /// <summary>The entries, in the order in which their peers were first seen.</summary>
    public IReadOnlyList<ParsedPeerEntry> Entries => _entries;

    public int Count => _entries.Count;

    /// <summary>From whom each entry came.</summary>
    public PeerId HopOf(int index) => _hops[index];

    public void Add(in ParsedPeerEntry entry, PeerId hop)
    {
        if (!_places.TryGetValue(entry.Id, out int place))
        {
            _places[entry.Id] = _entries.Count;
            _entries.Add(entry);
            _hops.Add(hop);
        }
        else if (entry.Version.IsNewerThan(_entries[place].Version))
        {
            _entries[place] = entry;
            _hops[place] = hop;
        }
    }

    public void Clear()
    {
        _places.Clear();
        _entries.Clear();
        _hops.Clear();
    }
}
