using System.Net;
using Mosaik.Quic;

namespace Mosaik.Simulation.Quic;

/// <summary>A datagram under way.</summary>
/// <param name="From">The address it seems to come from.</param>
/// <param name="To">The address it goes to.</param>
/// <param name="Bytes">Its content; each delivery has a copy of its own, because packets are opened in place.</param>
/// <param name="Ecn">Its mark.</param>
/// <param name="IsFlipped">A bit of it was changed on the way.</param>
internal sealed record Datagram(IPEndPoint From, IPEndPoint To, byte[] Bytes, Ecn Ecn, bool IsFlipped);
