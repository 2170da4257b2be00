using System.Runtime.CompilerServices;
using Mosaik.Quic;

namespace Mosaik.Networking.Transport;

/// <summary>A stream of a <see cref="QuicTransportConnection"/>. What completes at once costs nothing extra.</summary>
internal sealed class QuicTransportStream(QuicStream stream) : ITransportStream
{
    public long Id => stream.Id;

    public TransportStreamDirection Direction => stream.Direction == QuicStreamDirection.Bidirectional
        ? TransportStreamDirection.Bidirectional
        : TransportStreamDirection.Unidirectional;

    public ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        var read = stream.ReadAsync(destination, cancellationToken);
        return read.IsCompletedSuccessfully ? read : Translate(read);
    }

    public ValueTask WriteAsync(
        ReadOnlyMemory<byte> data, bool completeWrites = false, CancellationToken cancellationToken = default)
    {
        var write = stream.WriteAsync(data, completeWrites, cancellationToken);
        return write.IsCompletedSuccessfully ? write : Translate(write);
    }

    public void CompleteWrites() => stream.CompleteWrites();

    public void Reset(CloseCode code) => stream.Reset(code.Value);

    public void StopSending(CloseCode code) => stream.StopSending(code.Value);

    public ValueTask WaitAllAcknowledgedAsync(CancellationToken cancellationToken = default)
    {
        var wait = stream.WaitAllAcknowledgedAsync(cancellationToken);
        return wait.IsCompletedSuccessfully ? wait : Translate(wait);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<int> Translate(ValueTask<int> read)
    {
        try
        {
            return await read.ConfigureAwait(false);
        }
        catch (QuicException e)
        {
            throw QuicErrors.Translate(e);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask Translate(ValueTask operation)
    {
        try
        {
            await operation.ConfigureAwait(false);
        }
        catch (QuicException e)
        {
            throw QuicErrors.Translate(e);
        }
    }
}
