using System.Net;
using Mosaik.Quic;
using Mosaik.Quic.Wire;
using Mosaik.Testing;

namespace Mosaik.Simulation.Quic;

/// <summary>
/// The links between nodes: delay, bandwidth, loss, duplication, reordering, size limits, bit flips, blockades, and
/// addresses that change. To the network a datagram is opaque, but for the copies of first packets that iroh clients
/// send from several addresses (spec/quic.md §8.2).
/// </summary>
internal sealed class QuicNetwork(EventLoop loop, QuicPlan plan)
{
    private readonly SimulationRandom _random = loop.Random.Stream("net");
    private readonly Dictionary<IPEndPoint, QuicNode> _nodesByAddress = [];
    private readonly TimeSpan[,] _lineFreeAt = new TimeSpan[plan.Nodes.Count, plan.Nodes.Count];
    private readonly int[,] _sent = new int[plan.Nodes.Count, plan.Nodes.Count];

    private bool IsFaulty => loop.Now < plan.FaultsEnd;

    /// <summary>Datagrams to an address reach a node from now on.</summary>
    public void Attach(IPEndPoint address, QuicNode node) => _nodesByAddress.Add(address, node);

    /// <summary>Datagrams to an address reach nobody any more.</summary>
    public void Detach(IPEndPoint address) => _nodesByAddress.Remove(address);

    /// <summary>Who is at an address.</summary>
    public QuicNode? Find(IPEndPoint address) => _nodesByAddress.GetValueOrDefault(address);

    /// <summary>A node sends a datagram.</summary>
    public void Send(QuicNode source, IPEndPoint to, ReadOnlySpan<byte> bytes)
    {
        loop.Record(source.Index, "send", (ulong)to.Port, bytes);
        if (Find(to) is not { } destination)
            return;
        LinkPlan link = plan.Link;
        bool isInitial = IsInitial(bytes);
        if (IsFaulty && IsLost(source.Index, destination.Index, bytes.Length))
            return;
        Ecn ecn = IsFaulty && Chance(link.CongestionMarks, FaultKind.CongestionMark) ? Ecn.Ce : Ecn.NotEct;
        Deliver(source, destination, source.Address, to, bytes, ecn);
        if (!IsFaulty)
            return;
        if (Chance(link.Duplication, FaultKind.Duplicate))
            Deliver(source, destination, source.Address, to, bytes, ecn);
        if (isInitial && Chance(link.CopiedInitials, FaultKind.CopiedInitial))
            Deliver(source, destination, source.OtherAddress, to, bytes, ecn);
    }

    private static bool IsInitial(ReadOnlySpan<byte> bytes) =>
        PacketHeader.TryParse(bytes, 0, out PacketHeader header) && header.Type == PacketType.Initial;

    private bool IsLost(int source, int destination, int length)
    {
        foreach (Blockade blockade in plan.Blockades)
        {
            if (blockade.Source == source && blockade.Destination == destination
                && blockade.From <= loop.Now && loop.Now < blockade.To)
            {
                loop.Faults.Count(blockade.IsPartition ? FaultKind.Partition : FaultKind.OneWay);
                return true;
            }
        }
        if (_sent[source, destination]++ < plan.Link.FirstDatagramsLost)
        {
            loop.Faults.Count(FaultKind.HandshakeLoss);
            return true;
        }
        if (length > plan.Link.MaxDatagram)
        {
            loop.Faults.Count(FaultKind.TooLarge);
            return true;
        }
        return Chance(plan.Link.Loss, FaultKind.Loss);
    }

    private void Deliver(
        QuicNode source, QuicNode destination, IPEndPoint from, IPEndPoint to, ReadOnlySpan<byte> bytes, Ecn ecn)
    {
        if (!TryQueue(source.Index, destination.Index, bytes.Length, out TimeSpan departure))
            return;
        byte[] copy = bytes.ToArray();
        bool flipped = IsFaulty && Chance(plan.Link.BitFlips, FaultKind.BitFlip);
        if (flipped)
            copy[_random.NextBelow((ulong)copy.Length)] ^= (byte)(1 << (int)_random.NextBelow(8));
        var datagram = new Datagram(from, to, copy, ecn, flipped);
        loop.Schedule(departure + Delay(), () => Arrive(datagram));
    }

    private void Arrive(Datagram datagram)
    {
        // The address may have moved on while the datagram was under way.
        if (Find(datagram.To) is not { } node)
            return;
        loop.Record(node.Index, "arrive", (ulong)datagram.From.Port, datagram.Bytes);
        node.Receive(datagram);
    }

    /// <summary>
    /// A line of limited bandwidth has a queue of 64 datagrams or one bandwidth-delay product, whichever is more.
    /// </summary>
    private bool TryQueue(int source, int destination, int length, out TimeSpan departure)
    {
        departure = loop.Now;
        double bandwidth = plan.Link.Bandwidth;
        if (bandwidth == 0)
            return true;
        ref TimeSpan free = ref _lineFreeAt[source, destination];
        if (free < loop.Now)
            free = loop.Now;
        double queued = (free - loop.Now).TotalSeconds * bandwidth;
        if (queued > Math.Max(64 * 1200, bandwidth * 2 * plan.Link.Latency.TotalSeconds))
        {
            loop.Faults.Count(FaultKind.QueueFull);
            return false;
        }
        free += TimeSpan.FromSeconds(length / bandwidth);
        departure = free;
        return true;
    }

    private TimeSpan Delay()
    {
        TimeSpan latency = plan.Link.Latency;
        if (!IsFaulty)
            return latency;
        if (Chance(plan.Link.Reordering, FaultKind.Reorder))
            return latency + (latency * (3 * _random.NextDouble()));
        if (plan.Link.HasLatencyTail && Chance(0.01, FaultKind.LatencyTail))
            return latency * 20;
        return latency;
    }

    private bool Chance(double probability, FaultKind kind)
    {
        if (probability == 0 || _random.NextDouble() >= probability)
            return false;
        loop.Faults.Count(kind);
        return true;
    }
}
