namespace Mosaik.Quic.Connection;

/// <summary>Counters of a connection; plain fields, written by the connection alone.</summary>
internal sealed class ConnectionStatistics
{
    /// <summary>Datagrams handed to the connection.</summary>
    public ulong DatagramsReceived;

    /// <summary>Their bytes.</summary>
    public ulong BytesReceived;

    /// <summary>Datagrams produced.</summary>
    public ulong DatagramsSent;

    /// <summary>Their bytes.</summary>
    public ulong BytesSent;

    /// <summary>Packets opened and processed.</summary>
    public ulong PacketsReceived;

    /// <summary>Packets sealed.</summary>
    public ulong PacketsSent;

    /// <summary>Packets seen before.</summary>
    public ulong DuplicatePackets;

    /// <summary>Packets whose authentication failed.</summary>
    public ulong PacketsNotOpened;

    /// <summary>Changes of the peer's address that were followed.</summary>
    public ulong Migrations;
}
