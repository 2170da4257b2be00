namespace Mosaik.Networking.Transport;

/// <summary>Who sends on a stream.</summary>
public enum TransportStreamDirection
{
    /// <summary>Both ends.</summary>
    Bidirectional,

    /// <summary>Only the end that opened it.</summary>
    Unidirectional,
}
