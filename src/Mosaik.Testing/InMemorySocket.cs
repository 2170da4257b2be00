using System.Net;
using Mosaik.Quic;

namespace Mosaik.Testing;

/// <summary>A bound port of a host in memory.</summary>
internal sealed class InMemorySocket(InMemoryDatagramNetwork network, IPEndPoint endPoint) : IDatagramSocket
{
    private const int SegmentsPerSend = 64;

    public IPEndPoint LocalEndPoint { get; private set; } = endPoint;

    public int MaxSegments => SegmentsPerSend;

    public IDatagramReceiver? Receiver { get; private set; }

    public void Start(IDatagramReceiver receiver) => Receiver = receiver;

    public DatagramSendResult Send(in OutgoingDatagrams datagrams) =>
        Receiver is null ? DatagramSendResult.Unreachable : network.Send(this, datagrams);

    /// <summary>Appears under another address from now on, as behind a translator that has forgotten its mapping.</summary>
    public void MoveTo(IPEndPoint endPoint)
    {
        network.Unbind(LocalEndPoint, this);
        LocalEndPoint = endPoint;
        network.TryBind(endPoint, this);
    }

    public void Dispose()
    {
        Receiver = null;
        network.Unbind(LocalEndPoint, this);
    }
}
