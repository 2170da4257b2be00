namespace Mosaik.Quic;

/// <summary>Takes what a socket receives. Implemented by the endpoint's driver.</summary>
/// <remarks>For one socket the calls do not overlap. They return quickly and never throw.</remarks>
public interface IDatagramReceiver
{
    /// <summary>Datagrams have arrived; <paramref name="datagrams"/> belongs to the receiver from now on.</summary>
    void OnReceived(ReceivedDatagrams datagrams);

    /// <summary>
    /// Several at once, oldest first: what one call of the system has delivered. They are worked on in one go.
    /// </summary>
    internal void OnReceivedTogether(ReadOnlySpan<ReceivedDatagrams> batch)
    {
        foreach (var datagrams in batch)
            OnReceived(datagrams);
    }

    /// <summary>
    /// Everything that was waiting has been given to <see cref="OnReceived"/>: answers are sent now. Must follow every
    /// sequence of <see cref="OnReceived"/> calls.
    /// </summary>
    void OnDrained();

    /// <summary>The socket can receive no more. Not called when the socket was disposed by its owner.</summary>
    void OnFailed(Exception exception);
}
