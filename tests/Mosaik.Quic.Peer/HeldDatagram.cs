using System.Net;

namespace Mosaik.Quic.Peer;

/// <summary>A copy of one datagram on its way through a bad network.</summary>
internal sealed record HeldDatagram(byte[] Bytes, IPEndPoint Remote, IPAddress? Local, Ecn Ecn);
