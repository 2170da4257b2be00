using Mosaik.Quic.Streams;
using Mosaik.Quic.Tests.Wire;

namespace Mosaik.Quic.Tests.Streams;

/// <summary>
/// An application on one side of a <see cref="FramePipe"/>. It acts only on events (it writes again only after Writable, reads
/// only after Readable), so that a lost wake-up stalls it, and it knows every byte it must receive.
/// </summary>
internal sealed class StreamApp(StreamSet set, bool isServer, SeededRandom random)
{
    private readonly List<Entry> _streams = [];
    private readonly Dictionary<ulong, Entry> _byId = [];
    private readonly byte[] _buffer = new byte[4000];
    private bool _mayOpenBidi = true;
    private bool _mayOpenUni = true;

    /// <summary>Streams that are not finished on this side.</summary>
    internal int Open => _streams.Count;

    /// <summary>All bytes read.</summary>
    internal long BytesRead { get; private set; }

    internal int Finished { get; private set; }

    /// <summary>Per stream and direction: how much was written, for the comparison at the end.</summary>
    internal Dictionary<ulong, ulong> Written { get; } = [];

    /// <summary>Per stream: how much was read up to FIN; absent when the stream ended otherwise.</summary>
    internal Dictionary<ulong, ulong> ReadToEnd { get; } = [];

    internal void Act(bool windDown)
    {
        while (set.TryPollEvent(out StreamEvent e))
            Handle(e);
        if (!windDown && random.Chance(0.1))
            TryOpen(random.Chance(0.5));
        if (_streams.Count == 0)
            return;
        for (int i = 0; i < (windDown ? 4 : 1); i++)
            ActOn(_streams[random.Below(_streams.Count)], windDown);
    }

    private static byte Content(ulong id, bool fromServer, ulong offset) =>
        (byte)((offset * 31) + (offset >> 8) + (id * 7) + (fromServer ? 101UL : 0));

    private void TryOpen(bool bidirectional)
    {
        ref bool may = ref bidirectional ? ref _mayOpenBidi : ref _mayOpenUni;
        if (!may)
            return;
        may = set.TryOpen(bidirectional, out StreamId id);
        if (may)
            Add(id);
    }

    private void Add(StreamId id)
    {
        bool local = id.IsServerInitiated == isServer;
        var entry = new Entry(id) { Sending = id.IsBidirectional || local, Receiving = id.IsBidirectional || !local };
        _streams.Add(entry);
        _byId.Add(id, entry);
    }

    private void Handle(StreamEvent e)
    {
        if (e.Kind == StreamEventKind.Opened)
        {
            Assert.NotEqual(isServer, e.Id.IsServerInitiated);
            Add(e.Id);
            return;
        }
        if (e.Kind == StreamEventKind.StreamsAvailable)
        {
            if (e.Id.IsBidirectional)
                _mayOpenBidi = true;
            else
                _mayOpenUni = true;
            return;
        }
        Entry entry = _byId[e.Id];   // no event after Finished
        switch (e.Kind)
        {
            case StreamEventKind.Readable:
                entry.MayRead = true;
                break;
            case StreamEventKind.Writable:
                entry.MayWrite = true;
                break;
            case StreamEventKind.SendStopped:
                Assert.Equal(e.Id.Value + 1000, e.Code);
                entry.Sending = false;
                break;
            case StreamEventKind.ResetReceived:
                Assert.True(e.Code == e.Id.Value + 2000 || e.Code == e.Id.Value + 1000, "unknown code");
                Assert.Equal(-1, set.Read(e.Id, _buffer, out _));
                entry.Receiving = false;
                break;
            case StreamEventKind.Finished:
                Assert.False(entry.Sending);
                Assert.False(entry.Receiving);
                _byId.Remove(e.Id);
                _streams.Remove(entry);
                Finished++;
                break;
            default:
                Assert.Fail("unexpected " + e);
                break;
        }
    }

    private void ActOn(Entry entry, bool windDown)
    {
        if (entry.Receiving && entry.MayRead)
            Read(entry);
        if (entry.Receiving && random.Chance(0.003))
        {
            set.StopSending(entry.Id, entry.Id.Value + 1000);
            entry.Receiving = false;
        }
        if (!entry.Sending)
            return;
        if (random.Chance(windDown ? 0.3 : 0.02))
        {
            set.Finish(entry.Id);
            Written[entry.Id] = entry.Written;
            entry.Sending = false;
        }
        else if (random.Chance(0.005))
        {
            set.Reset(entry.Id, entry.Id.Value + 2000);
            entry.Sending = false;
        }
        else if (entry.MayWrite && !windDown)
        {
            Write(entry);
        }
    }

    private void Write(Entry entry)
    {
        byte[] data = new byte[random.Below(random.Chance(0.05) ? 20_000 : 500)];
        for (int i = 0; i < data.Length; i++)
            data[i] = Content(entry.Id, isServer, entry.Written + (ulong)i);
        int accepted = set.Write(entry.Id, data);
        if (accepted < 0)
            return;   // stopped by the peer; the event is on its way
        entry.Written += (ulong)accepted;
        entry.MayWrite = accepted == data.Length;
    }

    private void Read(Entry entry)
    {
        int wanted = 1 + random.Below(_buffer.Length);
        int count = set.Read(entry.Id, _buffer.AsSpan(0, wanted), out bool fin);
        if (count < 0)
            return;   // reset by the peer; the event is on its way
        for (int i = 0; i < count; i++)
        {
            if (_buffer[i] != Content(entry.Id, !isServer, entry.Read + (ulong)i))
                Assert.Fail($"{entry.Id} differs at {entry.Read + (ulong)i}");
        }
        entry.Read += (ulong)count;
        BytesRead += count;
        entry.MayRead = count == wanted;
        if (fin)
        {
            ReadToEnd[entry.Id] = entry.Read;
            entry.Receiving = false;
        }
    }

    private sealed class Entry(StreamId id)
    {
        internal StreamId Id { get; } = id;

        internal bool Sending { get; set; }

        internal bool Receiving { get; set; }

        internal bool MayWrite { get; set; } = true;

        internal bool MayRead { get; set; }

        internal ulong Written { get; set; }

        internal ulong Read { get; set; }
    }
}
