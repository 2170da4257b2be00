using System.Runtime.InteropServices;
using Mosaik.Discovery.Gossip.Protocol;

namespace Mosaik.Discovery.Gossip;

/// <summary>What a connection has for the loop: a received message, or behind the last of them its end.</summary>
/// <param name="Connection">Where it comes from.</param>
/// <param name="Topic">The topic of the message.</param>
/// <param name="Message">The message; null for the end.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Inbound(GossipConnection Connection, TopicId Topic, GossipMessage? Message);
