namespace Mosaik.Networking;

/// <summary>Serves the inbound connections of one protocol.</summary>
internal interface IProtocolHandler
{
    /// <summary>
    /// Serves a connection. Runs in a task of its own; may return before the connection has ended if something else
    /// owns it by then. An exception closes the connection with 102.
    /// </summary>
    /// <param name="inbound">The connection.</param>
    /// <param name="termination">Cancelled when the node stops.</param>
    ValueTask ServeAsync(InboundConnection inbound, CancellationToken termination);
}
