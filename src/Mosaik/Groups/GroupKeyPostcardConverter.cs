using System.Diagnostics.CodeAnalysis;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>A key as 32 raw bytes.</summary>
internal sealed class GroupKeyPostcardConverter : PostcardConverter<GroupKey>
{
    public override int MinimumSize => GroupKey.Length;

    public override void Write(ref PostcardWriter writer, in GroupKey value) => writer.WriteRaw(value.Secret.AsSpan());

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out GroupKey value)
    {
        value = reader.TryReadRaw(GroupKey.Length, out var bytes) ? GroupKey.FromSecret(UniqueId.FromRaw(bytes)) : null;
        return value is not null;
    }
}
