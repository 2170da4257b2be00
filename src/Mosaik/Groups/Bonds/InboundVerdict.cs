namespace Mosaik.Groups.Bonds;

/// <summary>What becomes of a HandshakeStart that arrives.</summary>
internal enum InboundVerdict
{
    /// <summary>It may become the bond.</summary>
    Accept,

    /// <summary>It may replace the existing bond, once the key is proven.</summary>
    Replace,

    /// <summary>Another connection is kept: 30429.</summary>
    AlreadyBonded,
}
