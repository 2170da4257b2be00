namespace Mosaik.Networking.Transport;

/// <summary>Why and by whom a connection was ended.</summary>
/// <param name="Kind">How it came to its end.</param>
/// <param name="IsRemote">True if the peer ended it.</param>
/// <param name="Code">The application code, or the transport's own code for
/// <see cref="TransportCloseKind.Protocol"/>.</param>
/// <param name="Reason">Text for people; may be empty.</param>
public sealed record TransportCloseInfo(TransportCloseKind Kind, bool IsRemote, CloseCode Code, string Reason)
{
    /// <summary>
    /// The application code the peer closed with; null if it was not the peer or not an application code.
    /// </summary>
    public CloseCode? RemoteCode => IsRemote && Kind == TransportCloseKind.Application ? Code : null;

    /// <summary>One line for logs and messages.</summary>
    /// <returns>The text.</returns>
    public override string ToString()
    {
        var by = IsRemote ? "by the peer" : "locally";
        var text = Kind switch
        {
            TransportCloseKind.Application => $"closed {by} with {Code}",
            TransportCloseKind.Protocol => $"closed {by} with transport error 0x{Code.Value:x}",
            TransportCloseKind.TimedOut => "timed out",
            TransportCloseKind.Reset => "reset by the peer",
            _ => "closed with the local transport",
        };
        return Reason.Length == 0 || Reason == Code.Name ? text : $"{text}: {Reason}";
    }
}
