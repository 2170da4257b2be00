using System.Net;
using Mosaik.Quic.Driver;

namespace Mosaik.Quic;

/// <summary>
/// One or more datagrams of one sender that arrived together: all <see cref="SegmentSize"/> bytes long, the last one
/// maybe shorter, back to back in <see cref="Buffer"/>.
/// </summary>
/// <remarks>
/// A socket fills an object and gives it to <see cref="IDatagramReceiver.OnReceived"/>; from then on it belongs to the
/// receiver, which overwrites the bytes (packets are opened in place) and calls <see cref="Release"/> exactly once.
/// A socket with a pool overrides <see cref="Release"/>; the default leaves the object to the collector.
/// </remarks>
public class ReceivedDatagrams
{
    /// <summary>An object with room for <paramref name="buffer"/>.Length bytes.</summary>
    public ReceivedDatagrams(byte[] buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        Buffer = buffer;
    }

    /// <summary>The bytes; valid up to <see cref="Length"/>.</summary>
    public byte[] Buffer { get; }

    /// <summary>Bytes received. 0 is an empty datagram.</summary>
    public int Length { get; set; }

    /// <summary>
    /// Length of each datagram but the last. A value below 1 or above <see cref="Length"/> means one datagram.
    /// </summary>
    public int SegmentSize { get; set; }

    /// <summary>The sender. IPv4 senders are given as IPv4 addresses, also by a dual-stack socket.</summary>
    public required IPEndPoint Remote { get; set; }

    /// <summary>The local address the datagrams were sent to, where the system tells.</summary>
    public IPAddress? LocalAddress { get; set; }

    /// <summary>The ECN bits of the datagrams.</summary>
    public Ecn Ecn { get; set; }

    /// <summary>The driver's place for these datagrams in its queue, made when it was first needed.</summary>
    internal IWork? Work { get; set; }

    /// <summary>Gives the object back to the socket.</summary>
    public virtual void Release()
    {
    }
}
