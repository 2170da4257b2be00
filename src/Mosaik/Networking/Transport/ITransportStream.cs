namespace Mosaik.Networking.Transport;

/// <summary>Ordered bytes in one or both directions. One reader and one writer at a time.</summary>
public interface ITransportStream
{
    /// <summary>The number of the stream within its connection.</summary>
    long Id { get; }

    /// <summary>Who sends.</summary>
    TransportStreamDirection Direction { get; }

    /// <summary>Reads what has arrived, waiting for at least one byte.</summary>
    /// <param name="destination">Where to; not empty.</param>
    /// <param name="cancellationToken">Withdraws the read; nothing is lost.</param>
    /// <returns>The number of bytes; 0 if the peer has finished.</returns>
    /// <exception cref="TransportException">The stream was reset or the connection has ended.</exception>
    ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken = default);

    /// <summary>Hands over all bytes; waits while more than 256 KiB have not left yet.</summary>
    /// <param name="data">The bytes; copied, or used until the task completes.</param>
    /// <param name="completeWrites">True to finish with these bytes (FIN).</param>
    /// <param name="cancellationToken">Withdraws the write; a first part may have been taken.</param>
    /// <returns>A task that completes when the bytes are taken over, not when they have arrived.</returns>
    /// <exception cref="TransportException">The stream was stopped, reset or finished, or the connection has
    /// ended.</exception>
    ValueTask WriteAsync(
        ReadOnlyMemory<byte> data, bool completeWrites = false, CancellationToken cancellationToken = default);

    /// <summary>Finishes our direction after what was written (FIN).</summary>
    void CompleteWrites();

    /// <summary>Abandons our direction; what has not arrived may be lost.</summary>
    /// <param name="code">Told to the peer.</param>
    void Reset(CloseCode code);

    /// <summary>Tells the peer that nobody reads any more.</summary>
    /// <param name="code">Told to the peer.</param>
    void StopSending(CloseCode code);

    /// <summary>Waits until the peer has acknowledged everything written so far. Needs no FIN.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for the acknowledgement.</returns>
    /// <exception cref="TransportException">The stream or the connection ended before.</exception>
    ValueTask WaitAllAcknowledgedAsync(CancellationToken cancellationToken = default);
}
