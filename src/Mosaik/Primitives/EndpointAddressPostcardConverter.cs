using System.Diagnostics.CodeAnalysis;
using Mosaik.Postcard;

namespace Mosaik.Primitives;

/// <summary>
/// Postcard form of an <see cref="EndpointAddress"/>: id ‖ ordered set of addresses (spec/wire.md §5.1).
/// </summary>
internal sealed class EndpointAddressPostcardConverter : PostcardConverter<EndpointAddress>
{
    public override int MinimumSize => PeerId.Length + 1;

    public override void Write(ref PostcardWriter writer, in EndpointAddress value) => value.Write(ref writer);

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out EndpointAddress value) =>
        EndpointAddress.TryRead(ref reader, out value);
}
