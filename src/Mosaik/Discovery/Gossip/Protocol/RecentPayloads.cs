using System.Runtime.InteropServices;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>
/// The broadcasts of the last time: their ids, by which duplicates are told, and for a shorter time what they say, for those
/// who ask for it (spec/gossip.md §8).
/// </summary>
/// <remarks>
/// A ring in order of age, with the buckets of a hash table over it: there may be tens of thousands, and many nodes in one
/// process, so each takes a place and no object of its own. What is put in again leaves a void place behind, which goes when
/// it is the oldest or when the ring is full.
/// </remarks>
internal sealed class RecentPayloads
{
    private const int SmallestCapacity = 16;
    private const int EndOfChain = -1;
    private const int Void = -2;

    private Entry[] _ring = [];
    private int[] _buckets = []; // the first place of a chain, plus one
    private long _oldest;
    private long _oldestKept;
    private long _next;

    /// <summary>Ids that are remembered.</summary>
    public int Count { get; private set; }

    /// <summary>Payloads that are kept.</summary>
    public int Kept { get; private set; }

    /// <summary>Bytes of these.</summary>
    public long KeptBytes { get; private set; }

    /// <summary>Places of the ring.</summary>
    internal int Capacity => _ring.Length;

    private int Mask => _ring.Length - 1;

    public bool Contains(MessageId id) => Find(id) >= 0;

    /// <summary>The payload with the round at which it is passed on, if it is kept.</summary>
    public bool TryGet(MessageId id, out ReadOnlyMemory<byte> content, out ushort round)
    {
        int place = Find(id);
        bool isKept = place >= 0 && _ring[place].IsKept;
        (content, round) = isKept ? (_ring[place].Content, _ring[place].Round) : default;
        return isKept;
    }

    /// <summary>Remembers an id as the youngest, and keeps its payload.</summary>
    public void Put(MessageId id, ReadOnlyMemory<byte> content, ushort round, TimeSpan now)
    {
        int place = Append(id, now);
        ref Entry entry = ref _ring[place];
        (entry.Content, entry.Round, entry.IsKept) = (content, round, true);
        Kept++;
        KeptBytes += content.Length;
    }

    /// <summary>Remembers an id as the youngest, without its payload.</summary>
    public void Put(MessageId id, TimeSpan now) => Append(id, now);

    /// <summary>Forgets the oldest id.</summary>
    public void RemoveOldest()
    {
        SkipVoid();
        if (_oldest == _next)
            return;
        Remove(PlaceOf(_oldest++));
    }

    /// <summary>Gives up the payload that has been kept the longest.</summary>
    public void DropOldestPayload()
    {
        _oldestKept = Math.Max(_oldestKept, _oldest);
        while (_oldestKept < _next && !_ring[PlaceOf(_oldestKept)].IsKept)
            _oldestKept++;
        if (_oldestKept < _next)
            Drop(ref _ring[PlaceOf(_oldestKept)]);
    }

    /// <summary>Gives up payloads and forgets ids that are at least as old as these ages.</summary>
    public void RemoveOlderThan(TimeSpan payloadAge, TimeSpan idAge, TimeSpan now)
    {
        _oldestKept = Math.Max(_oldestKept, _oldest);
        for (; _oldestKept < _next; _oldestKept++)
        {
            ref Entry entry = ref _ring[PlaceOf(_oldestKept)];
            if (entry.Chain == Void)
                continue;
            if (now - entry.Since < payloadAge)
                break;
            Drop(ref entry);
        }

        for (SkipVoid(); _oldest < _next && now - _ring[PlaceOf(_oldest)].Since >= idAge; SkipVoid())
            Remove(PlaceOf(_oldest++));
    }

    private int PlaceOf(long number) => (int)number & Mask;

    private int Find(MessageId id)
    {
        if (_ring.Length == 0)
            return EndOfChain;
        int place = _buckets[id.GetHashCode() & Mask] - 1;
        while (place >= 0 && _ring[place].Id != id)
            place = _ring[place].Chain;
        return place;
    }

    private int Append(MessageId id, TimeSpan now)
    {
        int former = Find(id);
        if (former >= 0)
            Remove(former);
        if (_next - _oldest == _ring.Length)
            Rebuild();
        int place = PlaceOf(_next++);
        ref int bucket = ref _buckets[id.GetHashCode() & Mask];
        _ring[place] = new Entry { Id = id, Since = now, Chain = bucket - 1 };
        bucket = place + 1;
        Count++;
        return place;
    }

    /// <summary>Takes an entry out of its chain; its place is void.</summary>
    private void Remove(int place)
    {
        ref Entry entry = ref _ring[place];
        Drop(ref entry);
        ref int bucket = ref _buckets[entry.Id.GetHashCode() & Mask];
        if (bucket - 1 == place)
        {
            bucket = entry.Chain + 1;
        }
        else
        {
            int before = bucket - 1;
            while (_ring[before].Chain != place)
                before = _ring[before].Chain;
            _ring[before].Chain = entry.Chain;
        }

        entry.Chain = Void;
        Count--;
    }

    private void Drop(ref Entry entry)
    {
        if (!entry.IsKept)
            return;
        Kept--;
        KeptBytes -= entry.Content.Length;
        entry.IsKept = false;
        entry.Content = default;
    }

    private void SkipVoid()
    {
        while (_oldest < _next && _ring[PlaceOf(_oldest)].Chain == Void)
            _oldest++;
    }

    /// <summary>Leaves the void places out; twice as large unless that has made enough room.</summary>
    private void Rebuild()
    {
        Entry[] former = _ring;
        (long first, long end, int mask) = (_oldest, _next, Mask);
        int capacity = Math.Max(SmallestCapacity, former.Length);
        if (Count > capacity / 2)
            capacity *= 2;
        _ring = new Entry[capacity];
        _buckets = new int[capacity];
        (_oldest, _oldestKept, _next) = (0, 0, 0);
        for (long number = first; number < end; number++)
        {
            ref Entry entry = ref former[(int)number & mask];
            if (entry.Chain == Void)
                continue;
            int place = PlaceOf(_next++);
            ref int bucket = ref _buckets[entry.Id.GetHashCode() & Mask];
            _ring[place] = entry;
            _ring[place].Chain = bucket - 1;
            bucket = place + 1;
        }
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Entry
    {
        public MessageId Id;
        public TimeSpan Since;
        public ReadOnlyMemory<byte> Content;
        public int Chain;
        public ushort Round;
        public bool IsKept;
    }
}
