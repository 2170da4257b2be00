using Mosaik.Quic.Streams;

namespace Mosaik.Simulation.Quic;

/// <summary>What one end knows of a stream.</summary>
internal sealed class LiveStream(StreamId id, StreamScript? sending, StreamScript? receiving)
{
    public StreamId Id { get; } = id;

    /// <summary>What we send; null when we do not.</summary>
    public StreamScript? Sending { get; } = sending;

    /// <summary>What we receive; null when we do not.</summary>
    public StreamScript? Receiving { get; } = receiving;

    public int Written { get; set; }

    public int Read { get; set; }

    public bool IsSendDone { get; set; } = sending is null;

    public bool IsReceiveDone { get; set; } = receiving is null;

    public bool IsPaused { get; set; }

    public bool IsReadScheduled { get; set; }
}
