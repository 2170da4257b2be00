using Mosaik.Quic;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Streams;
using Mosaik.Testing;

namespace Mosaik.Simulation.Quic;

/// <summary>
/// One end of a conversation: the application. It acts on events only, knows every byte it must receive (QU-1), and
/// judges how the connection ends (QU-5, QU-8).
/// </summary>
internal sealed class QuicEnd(QuicWorld world, Conversation conversation, QuicNode node, QuicConnectionCore core, ConnectionOracle oracle, bool isServer)
{
    /// <summary>The code of a close after everything was done.</summary>
    public const ulong DoneCode = 204;

    private const int ExportLength = 32;
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(30);

    private readonly SimulationRandom _random = world.Workload;
    private readonly List<LiveStream> _streams = [];   // few at a time
    private readonly byte[] _buffer = new byte[16_384];
    private readonly int[] _toOpen = new int[2];
    private bool _isCrashed;
    private bool _isDrained;
    private int _finished;

    public QuicConnectionCore Core => core;

    public ConnectionOracle Oracle => oracle;

    public Conversation Conversation => conversation;

    public bool IsConnected { get; private set; }

    public bool IsClosed { get; private set; }

    /// <summary>All streams of both sides are done, and the close was ours.</summary>
    public bool HasCompleted { get; private set; }

    public bool IsOver => _isDrained || _isCrashed;

    /// <summary>The keying material both ends must export.</summary>
    public byte[]? Exported { get; private set; }

    /// <summary>The oracles on the other side.</summary>
    public IEnumerable<ConnectionOracle> PeerOracles => isServer
        ? conversation.Client is { } client ? [client.Oracle] : []
        : conversation.Servers.Select(static end => end.Oracle);

    /// <summary>Where it stands, for the message of a failure.</summary>
    public string Describe() => $"{core.State}, {_finished} of {conversation.TotalStreams} streams done, open: "
        + string.Join(' ', _streams.Select(static s => $"{s.Id.Value}(w{s.Written}{(s.IsSendDone ? "." : "")} r{s.Read}{(s.IsReceiveDone ? "." : "")})"));

    public void OnCrash() => _isCrashed = true;

    public void OnEvent(in ConnectionEvent e)
    {
        if (_isCrashed)
            return;
        if (world.Loop.IsLogging)
            world.Loop.Log($"n{node.Index} {(isServer ? "server" : "client")} {e.Kind} {(e.Kind == ConnectionEventKind.Stream ? e.Stream : core.CloseInfo)}");
        world.Loop.Record(node.Index, e.Kind.ToString(), ((ulong)e.Stream.Kind << 56) ^ e.Stream.Id.Value ^ (e.Stream.Code << 20));
        Require(!_isDrained, "QU-8", "an event after Drained");
        switch (e.Kind)
        {
            case ConnectionEventKind.Connected:
                OnConnected();
                break;
            case ConnectionEventKind.Stream:
                OnStreamEvent(e.Stream);
                break;
            case ConnectionEventKind.Closed:
                OnClosed();
                break;
            case ConnectionEventKind.Drained:
                Require(IsClosed, "QU-8", "drained without being closed");
                _isDrained = true;
                core.Dispose();
                break;
        }
        if (!IsClosed)
            CheckBuffers();
    }

    private void OnConnected()
    {
        Require(!IsConnected, "QU-5", "connected twice");
        IsConnected = true;
        CheckAgreement();
        _toOpen[0] = conversation.Streams[Conversation.KindOf(isServer, bidirectional: true)];
        _toOpen[1] = conversation.Streams[Conversation.KindOf(isServer, bidirectional: false)];
        OpenStreams(bidirectional: true);
        OpenStreams(bidirectional: false);
        CloseWhenDone();
    }

    /// <summary>Both ends agree on who they are, on the protocol and on keys (QU-5).</summary>
    private void CheckAgreement()
    {
        QuicNode peer = world.Nodes[isServer ? conversation.Plan.Client : conversation.Plan.Server];
        Require(core.PeerPublicKey.Span.SequenceEqual(peer.Identity.PublicKey.Span), "QU-5", "the peer has another identity");
        Require(core.Alpn == QuicNode.Alpn, "QU-5", $"protocol {core.Alpn}");
        byte[] exported = new byte[ExportLength];
        Require(core.ExportKeyingMaterial("simulation"u8, "context"u8, exported), "QU-5", "nothing to export");
        Exported = exported;
        IEnumerable<QuicEnd> others = isServer ? conversation.Client is { } client ? [client] : [] : conversation.Servers;
        foreach (QuicEnd other in others.Where(static end => end.Exported is not null))
        {
            // A server that lost its memory may have a second connection for one client; only one of them can agree.
            if (conversation.Servers.Count == 1)
                Require(other.Exported!.AsSpan().SequenceEqual(exported), "QU-5", "the ends export different keys");   // filtered above
        }
    }

    private void OpenStreams(bool bidirectional)
    {
        ref int left = ref _toOpen[bidirectional ? 0 : 1];
        while (left > 0 && core.TryOpenStream(bidirectional, out StreamId id))
        {
            left--;
            LiveStream stream = Add(id);
            Write(stream);
        }
    }

    private LiveStream Add(StreamId id)
    {
        bool local = id.IsServerInitiated == isServer;
        var stream = new LiveStream(id,
            id.IsBidirectional || local ? conversation.ScriptOf(id, isServer) : null,
            id.IsBidirectional || !local ? conversation.ScriptOf(id, !isServer) : null);
        _streams.Add(stream);
        return stream;
    }

    private LiveStream Find(StreamId id)
    {
        LiveStream? stream = _streams.Find(candidate => candidate.Id == id);
        Require(stream is not null, "QU-1", $"event for {id}, which is not open");
        return stream!;   // required above
    }

    private void OnStreamEvent(in StreamEvent e)
    {
        switch (e.Kind)
        {
            case StreamEventKind.Opened:
                Require(e.Id.IsServerInitiated != isServer, "QU-1", $"the peer opened our {e.Id}");
                Require(e.Id.Index < (ulong)conversation.Streams[Conversation.KindOf(!isServer, e.Id.IsBidirectional)],
                    "QU-1", $"the peer never meant to open {e.Id}");
                LiveStream opened = Add(e.Id);
                StopIfDue(opened);
                Write(opened);
                break;
            case StreamEventKind.Readable:
                Read(Find(e.Id));
                break;
            case StreamEventKind.Writable:
                Write(Find(e.Id));
                break;
            case StreamEventKind.SendStopped:
                OnSendStopped(Find(e.Id), e.Code);
                break;
            case StreamEventKind.ResetReceived:
                OnResetReceived(Find(e.Id), e.Code);
                break;
            case StreamEventKind.StreamsAvailable:
                OpenStreams(e.Id.IsBidirectional);
                break;
            case StreamEventKind.Finished:
                LiveStream finished = Find(e.Id);
                Require(finished is { IsSendDone: true, IsReceiveDone: true }, "QU-1", $"{e.Id} finished before its ends did");
                _streams.Remove(finished);
                _finished++;
                CloseWhenDone();
                break;
            default:
                Require(false, "QU-1", $"unexpected {e.Kind}");
                break;
        }
    }

    private void OnSendStopped(LiveStream stream, ulong code)
    {
        Require(stream.Sending is { Ending: StreamEnding.Stopped } && code == StreamScript.CodeOf(stream.Id), "QU-1",
            $"{stream.Id} stopped with {code} by a reader that never meant to");
        world.Loop.Faults.Count(FaultKind.StreamStop);
        stream.IsSendDone = true;
    }

    private void OnResetReceived(LiveStream stream, ulong code)
    {
        Require(stream.Receiving is { Ending: StreamEnding.Reset } && code == StreamScript.CodeOf(stream.Id), "QU-1",
            $"{stream.Id} reset with {code} by a writer that never meant to");
        world.Loop.Faults.Count(FaultKind.StreamReset);
        Require(core.Read(stream.Id, _buffer, out _) == -1, "QU-1", $"{stream.Id} can be read after its reset");
        stream.IsReceiveDone = true;
    }

    private void Write(LiveStream stream)
    {
        if (stream.IsSendDone || IsClosed || stream.IsPaused || stream.Sending is not { } script)
            return;
        int target = script.Ending == StreamEnding.Reset ? script.EndsAt : script.Length;
        while (stream.Written < target)
        {
            Span<byte> slice = _buffer.AsSpan(0, Math.Min(Math.Min(script.Slice, target - stream.Written), _buffer.Length));
            for (int i = 0; i < slice.Length; i++)
                slice[i] = conversation.ByteAt(stream.Id, isServer, (ulong)(stream.Written + i));
            int accepted = core.Write(stream.Id, slice);
            if (accepted < 0)
                return;   // the connection or the stream has ended, and the event is on its way
            stream.Written += accepted;
            if (accepted < slice.Length)
                return;   // Writable follows
            if (_random.NextDouble() < 0.01)
            {
                stream.IsPaused = true;
                Later(() =>
                {
                    stream.IsPaused = false;
                    Write(stream);
                });
                return;
            }
        }
        stream.IsSendDone = true;
        if (script.Ending == StreamEnding.Reset)
            core.Reset(stream.Id, StreamScript.CodeOf(stream.Id));
        else
            core.Finish(stream.Id);
    }

    private void Read(LiveStream stream)
    {
        if (stream.IsReceiveDone || stream.Receiving is not { } script)
            return;
        if (!script.IsSlow || IsClosed)
        {
            while (ReadOnce(stream, script, _buffer.Length))
            {
            }
            return;
        }
        if (stream.IsReadScheduled)
            return;
        stream.IsReadScheduled = true;
        world.Loop.Faults.Count(FaultKind.SlowReader);
        Later(() =>
        {
            stream.IsReadScheduled = false;
            if (!stream.IsReceiveDone && ReadOnce(stream, script, 1 + (script.Length / 16)))
                Read(stream);
        });
    }

    /// <summary>Reads and checks once; false when there is no more for now.</summary>
    private bool ReadOnce(LiveStream stream, in StreamScript script, int most)
    {
        Span<byte> buffer = _buffer.AsSpan(0, Math.Min(most, _buffer.Length));
        int count = core.Read(stream.Id, buffer, out bool fin);
        if (count < 0)
            return false;   // reset; the event is on its way
        for (int i = 0; i < count; i++)
        {
            if (buffer[i] != conversation.ByteAt(stream.Id, !isServer, (ulong)(stream.Read + i)))
                Require(false, "QU-1", $"{stream.Id} differs at {stream.Read + i}");
        }
        stream.Read += count;
        Require(stream.Read <= (script.Ending == StreamEnding.Reset ? script.EndsAt : script.Length), "QU-1",
            $"{stream.Id}: {stream.Read} bytes read, {script.Length} written");
        if (fin)
        {
            Require(script.Ending != StreamEnding.Reset && stream.Read == script.Length, "QU-1",
                $"{stream.Id} ended at {stream.Read}, not at {script.Length}");
            stream.IsReceiveDone = true;
            return false;
        }
        StopIfDue(stream);
        return count == buffer.Length && !stream.IsReceiveDone;
    }

    private void StopIfDue(LiveStream stream)
    {
        if (IsClosed || stream.IsReceiveDone || stream.Receiving is not { Ending: StreamEnding.Stopped } script
            || stream.Read < script.EndsAt)
        {
            return;
        }
        stream.IsReceiveDone = true;
        core.StopSending(stream.Id, StreamScript.CodeOf(stream.Id));
    }

    /// <summary>The client closes when the streams of both sides are done.</summary>
    private void CloseWhenDone()
    {
        if (isServer || IsClosed || !IsConnected || _finished < conversation.TotalStreams)
            return;
        HasCompleted = true;
        core.Close(node.LocalNow, DoneCode, "done");
    }

    private void OnClosed()
    {
        Require(!IsClosed, "QU-8", "closed twice");
        IsClosed = true;
        // What was received before the close is readable after it.
        foreach (LiveStream stream in _streams)
            Read(stream);
        world.CheckClose(this, core.CloseInfo!, isServer);   // Closed is raised after CloseInfo is set
        if (isServer && core.CloseInfo is { Kind: QuicCloseKind.Application, IsRemote: true, Code: DoneCode })
            CheckAllArrived();
    }

    /// <summary>The client closed because everything was acknowledged: all of it must be here.</summary>
    private void CheckAllArrived()
    {
        foreach (LiveStream stream in _streams)
        {
            if (stream.Receiving is { Ending: StreamEnding.Complete } script)
            {
                Require(stream.IsReceiveDone && stream.Read == script.Length, "QU-1",
                    $"{stream.Id} was acknowledged up to {script.Length}, only {stream.Read} can be read");
            }
        }
    }

    /// <summary>Buffered bytes stay within the windows (QU-4).</summary>
    private void CheckBuffers()
    {
        Require(core.BufferedReceiveBytes <= node.Plan.ConnectionWindow, "QU-4",
            $"{core.BufferedReceiveBytes} bytes buffered, window {node.Plan.ConnectionWindow}");
        Require(core.UnacknowledgedBytes <= StreamLimits.UnacknowledgedPerConnection, "QU-4",
            $"{core.UnacknowledgedBytes} bytes unacknowledged");
    }

    private void Later(Action action)
    {
        TimeSpan delay = LongestPause * _random.NextDouble();
        world.Loop.Schedule(world.Loop.Now + delay, () =>
        {
            if (_isCrashed || IsClosed)
                return;
            action();
            node.Poke();
        });
    }

    private void Require(bool condition, string invariant, string detail)
    {
        if (!condition)
            throw new InvariantViolationException(invariant, $"n{node.Index} {(isServer ? "server" : "client")}: {detail}");
    }
}
