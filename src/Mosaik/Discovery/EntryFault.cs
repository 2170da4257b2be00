namespace Mosaik.Discovery;

/// <summary>Why received bytes are not a signed peer entry (spec/discovery.md §2.3).</summary>
internal enum EntryFault
{
    /// <summary>Nothing is wrong.</summary>
    None,

    /// <summary>The structure cannot be walked.</summary>
    Malformed,

    /// <summary>
    /// The structure is not in canonical form, so that other implementations would refuse the signature.
    /// </summary>
    NotCanonical,

    /// <summary>The id or the signature is wrong.</summary>
    Signature,

    /// <summary>The entry is larger than anybody may publish.</summary>
    TooLarge,
}
