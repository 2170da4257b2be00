using Mosaik.Postcard;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>A message between two nodes about one topic. Immutable.</summary>
internal abstract record GossipMessage
{
    /// <summary>Which one.</summary>
    public abstract GossipMessageKind Kind { get; }

    /// <summary>Whether it belongs to the broadcast (PlumTree) rather than to the membership (HyParView).</summary>
    public bool IsBroadcastLayer => (int)Kind >= 0x0100;

    /// <summary>Writes the two tags and the body.</summary>
    public void Write(ref PostcardWriter writer)
    {
        writer.WriteVariant((uint)Kind >> 8);
        writer.WriteVariant((uint)Kind & 0xff);
        WriteBody(ref writer);
    }

    private protected abstract void WriteBody(ref PostcardWriter writer);
}
