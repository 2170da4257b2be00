using System.Runtime.InteropServices;

namespace Mosaik.Postcard;

/// <summary>
/// The outcome of decoding: success with the number of bytes read, or a reason and where it was found.
/// </summary>
/// <param name="Error">The reason, or <see cref="PostcardError.None"/>.</param>
/// <param name="Offset">On success the number of bytes the value took; otherwise the offset at which the refused item
/// starts.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct PostcardResult(PostcardError Error, int Offset)
{
    /// <summary>Whether a value was decoded.</summary>
    public bool IsSuccess => Error == PostcardError.None;

    /// <inheritdoc/>
    public override string ToString() => IsSuccess ? $"{Offset} bytes" : $"{Error} at offset {Offset}";
}
