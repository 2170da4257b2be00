namespace Mosaik.Postcard;

/// <summary>How strictly bytes are read.</summary>
public enum PostcardForm
{
    /// <summary>Over-long varints, unsorted sets and bytes after the value are accepted (spec/wire.md §3.3).</summary>
    Lenient = 0,

    /// <summary>Only the canonical image is accepted: shortest varints, strictly ascending sets and maps, and no bytes
    /// after the value (spec/wire.md §3.5). Signed and hashed structures are read this way.</summary>
    Canonical = 1,
}
