using Mosaik.Quic.Recovery;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tests.Wire;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Streams;

/// <summary>
/// Two stream sets joined by packets without crypto. Packets are written by one set, may be lost, doubled or delayed past
/// others, are parsed and applied to the other set, and their fate is reported back, late and out of order.
/// </summary>
internal sealed class FramePipe : IDisposable
{
    private readonly SeededRandom _random;
    private readonly double _loss;
    private readonly double _duplication;
    private readonly double _reordering;
    private readonly List<Packet>[] _flight = [[], []];   // by receiver: 0 = server receives
    private readonly byte[] _buffer = new byte[1200];

    internal FramePipe(TransportParameters client, TransportParameters server, ulong seed,
        double loss = 0, double duplication = 0, double reordering = 0)
    {
        _random = new SeededRandom(seed);
        (_loss, _duplication, _reordering) = (loss, duplication, reordering);
        Client = new StreamSet(isServer: false, client, Pool);
        Server = new StreamSet(isServer: true, server, Pool);
        Client.ApplyPeerParameters(server);
        Server.ApplyPeerParameters(client);
    }

    /// <summary>Memory of both sides; what is returned is overwritten, so that a late use shows as wrong data.</summary>
    internal BlockPool Pool { get; } = new() { Poison = true };

    internal StreamSet Client { get; }

    internal StreamSet Server { get; }

    internal bool IsIdle => _flight[0].Count == 0 && _flight[1].Count == 0
        && !Client.HasPendingFrames && !Server.HasPendingFrames;

    /// <summary>One packet in each direction at most, then some deliveries.</summary>
    internal void Step()
    {
        Send(Client, _flight[0]);
        Send(Server, _flight[1]);
        for (int i = 0; i < 2; i++)
        {
            Deliver(_flight[0], from: Client, to: Server, receiverIsServer: true);
            Deliver(_flight[1], from: Server, to: Client, receiverIsServer: false);
        }
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }

    private void Send(StreamSet set, List<Packet> flight)
    {
        bool pending = set.HasPendingFrames;
        var writer = new FrameWriter(_buffer.AsSpan(0, _random.Chance(0.05) ? 60 : _buffer.Length));
        var sent = default(SentFrameList);
        set.WriteFrames(ref writer, ref sent);
        Assert.Equal(pending, writer.Written > 0);
        Assert.Equal(pending, sent.Count > 0);
        if (!pending)
            return;
        var packet = new Packet(writer.WrittenSpan.ToArray(), sent);
        bool lost = _random.Chance(_loss);
        packet.Lost = lost;
        flight.Add(packet);
        if (!lost && _random.Chance(_duplication))
            flight.Add(new Packet(packet.Payload, default));
    }

    private void Deliver(List<Packet> flight, StreamSet from, StreamSet to, bool receiverIsServer)
    {
        if (flight.Count == 0)
            return;
        int index = _random.Chance(_reordering) ? _random.Below(flight.Count) : 0;
        Packet packet = flight[index];
        flight.RemoveAt(index);
        if (!packet.Lost)
        {
            Assert.Null(Apply(to, packet.Payload, receiverIsServer));
        }
        foreach (SentFrame frame in packet.Sent.AsSpan())
        {
            // A few are declared lost although they arrived, and acknowledged afterwards.
            bool spurious = !packet.Lost && _random.Chance(_loss / 4);
            if (packet.Lost || spurious)
                from.OnLost(frame);
            if (!packet.Lost)
                from.OnAcknowledged(frame);
        }
        packet.Sent.Release();
    }

    internal static QuicError? Apply(StreamSet set, ReadOnlySpan<byte> payload, bool receiverIsServer)
    {
        var reader = new FrameReader(payload, PacketType.OneRtt, receiverIsServer);
        while (reader.TryRead(out Frame frame))
        {
            QuicError? error = frame.Type switch
            {
                FrameType.Stream => set.OnStream(frame.StreamId, frame.Offset, frame.Data, frame.Fin),
                FrameType.ResetStream => set.OnResetStream(frame.StreamId, frame.ErrorCode, frame.FinalSize),
                FrameType.StopSending => set.OnStopSending(frame.StreamId, frame.ErrorCode),
                FrameType.MaxData => set.OnMaxData(frame.Limit),
                FrameType.MaxStreamData => set.OnMaxStreamData(frame.StreamId, frame.Limit),
                FrameType.MaxStreamsBidirectional => set.OnMaxStreams(true, frame.Limit),
                FrameType.MaxStreamsUnidirectional => set.OnMaxStreams(false, frame.Limit),
                FrameType.DataBlocked => set.OnDataBlocked(frame.Limit),
                FrameType.StreamDataBlocked => set.OnStreamDataBlocked(frame.StreamId, frame.Limit),
                FrameType.StreamsBlockedBidirectional => set.OnStreamsBlocked(true, frame.Limit),
                FrameType.StreamsBlockedUnidirectional => set.OnStreamsBlocked(false, frame.Limit),
                _ => QuicError.InternalError,
            };
            if (error is not null)
                return error;
        }
        return reader.Error;
    }

    private sealed class Packet(byte[] payload, SentFrameList sent)
    {
        internal byte[] Payload { get; } = payload;

        internal bool Lost { get; set; }

        internal SentFrameList Sent = sent;
    }
}
