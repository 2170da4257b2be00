using Mosaik.Postcard;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>The end of a neighbourhood.</summary>
/// <param name="IsAlive">The sender stays in the topic and may be kept in reserve.</param>
internal sealed record DisconnectMessage(bool IsAlive) : GossipMessage
{
    /// <inheritdoc/>
    public override GossipMessageKind Kind => GossipMessageKind.Disconnect;

    public static bool TryRead(ref PostcardReader reader, out GossipMessage? message)
    {
        bool read = reader.TryReadBool(out bool isAlive) & reader.TryReadBool(out _); // the second one is obsolete
        message = read ? new DisconnectMessage(isAlive) : null;
        return read;
    }

    private protected override void WriteBody(ref PostcardWriter writer)
    {
        writer.WriteBool(IsAlive);
        writer.WriteBool(false);
    }
}
