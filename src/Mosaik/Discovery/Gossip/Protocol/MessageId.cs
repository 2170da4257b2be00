using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>The id of a broadcast: BLAKE3 of its content and nothing else (spec/gossip.md §1).</summary>
internal readonly record struct MessageId(UniqueId Value)
{
    /// <summary>The id of a content.</summary>
    public static MessageId Of(ReadOnlySpan<byte> content) => new(UniqueId.Hash(content));

    public void Write(ref PostcardWriter writer) => writer.WriteRaw(Value.AsSpan());

    public static bool TryRead(ref PostcardReader reader, out MessageId id)
    {
        bool read = reader.TryReadRaw(UniqueId.Length, out ReadOnlySpan<byte> raw);
        id = read ? new MessageId(UniqueId.FromRaw(raw)) : default;
        return read;
    }

    /// <inheritdoc/>
    public override string ToString() => Value.ToAbbreviatedString(10);
}
