using System.Runtime.CompilerServices;

namespace Mosaik.Networking;

/// <summary>The sending half of a link. One sender at a time.</summary>
internal sealed class LinkSender : IDisposable
{
    /// <summary>With a deadline that watches progress, large writes go out in slices of this size.</summary>
    private const int SliceBytes = 64 * 1024;

    private readonly FrameWriter _writer = new();
    private int _busy;

    internal LinkSender(LinkState state, int maxPayload)
    {
        State = state;
        MaxPayload = maxPayload;
    }

    internal LinkState State { get; }

    /// <summary>Larger payloads are refused before a byte is written.</summary>
    public int MaxPayload { get; set; }

    /// <summary>Sends one message. An encoding failure is raised at once and leaves the link open.</summary>
    /// <returns>The length of the payload, when the transport has taken it over.</returns>
    public ValueTask<int> SendAsync<T>(T value, IFrameCodec<T> codec, CancellationToken cancellationToken = default) =>
        SendCore(value, codec, null, cancellationToken);

    /// <inheritdoc cref="SendAsync{T}(T, IFrameCodec{T}, CancellationToken)"/>
    public ValueTask<int> SendAsync<T>(T value, IFrameCodec<T> codec, Deadline deadline) =>
        SendCore(value, codec, deadline, deadline.Token);

    /// <summary>Sends messages with one write.</summary>
    /// <returns>The length of all payloads.</returns>
    public ValueTask<int> SendManyAsync<T>(
        ReadOnlySpan<T> values, IFrameCodec<T> codec, CancellationToken cancellationToken = default)
    {
        Enter();
        var total = 0;
        try
        {
            foreach (var value in values)
                total += Encode(value, codec);
        }
        catch
        {
            Leave();
            throw;
        }

        return FlushAsync(total, null, cancellationToken);
    }

    /// <summary>Sends one payload as it is.</summary>
    public ValueTask<int> SendRawAsync(ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default) =>
        SendAsync(payload, RawCodec.Instance, cancellationToken);

    /// <inheritdoc cref="SendRawAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    public ValueTask<int> SendRawAsync(ReadOnlyMemory<byte> payload, Deadline deadline) =>
        SendAsync(payload, RawCodec.Instance, deadline);

    /// <summary>Sends payloads as they are, with one write.</summary>
    public ValueTask<int> SendManyRawAsync(
        ReadOnlySpan<ReadOnlyMemory<byte>> payloads, CancellationToken cancellationToken = default) =>
        SendManyAsync(payloads, RawCodec.Instance, cancellationToken);

    /// <summary>
    /// Writes bytes that are complete frames already: how a batch that was encoded once goes to many links without a
    /// copy.
    /// </summary>
    /// <param name="frames">Headers and payloads; must not change until the task completes.</param>
    /// <param name="count">How many frames they are.</param>
    /// <param name="cancellationToken">Cancels and closes the link with 102.</param>
    public ValueTask SendFramedAsync(ReadOnlyMemory<byte> frames, int count, CancellationToken cancellationToken = default)
    {
        Enter();
        return WriteAsync(frames, frames.Length - (count * FrameBuffer.HeaderLength), cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // A write that is still under way holds the buffer; it fails with the connection and is then collected.
        if (Interlocked.Exchange(ref _busy, 1) == 0)
            _writer.Dispose();
    }

    private ValueTask<int> SendCore<T>(T value, IFrameCodec<T> codec, Deadline? deadline, CancellationToken token)
    {
        Enter();
        int length;
        try
        {
            length = Encode(value, codec);
        }
        catch
        {
            Leave();
            throw;
        }

        return FlushAsync(length, deadline, token);
    }

    private int Encode<T>(T value, IFrameCodec<T> codec)
    {
        _writer.Begin();
        try
        {
            codec.Encode(value, _writer);
        }
        catch (Exception e)
        {
            _writer.Clear(); // nothing of the batch was written yet
            throw new LinkException(
                LinkPhase.Send, LinkErrorKind.Encode, State.RemoteId, $"Cannot encode {typeof(T).Name}: {e.Message}", null, e);
        }

        if (_writer.TryEnd(MaxPayload, out var length))
            return length;
        _writer.Clear();
        throw new LinkException(
            LinkPhase.Send,
            LinkErrorKind.FrameTooLarge,
            State.RemoteId,
            $"A message of {length} bytes is above the limit of {MaxPayload} bytes.");
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> FlushAsync(int payloadBytes, Deadline? deadline, CancellationToken token)
    {
        try
        {
            var frames = _writer.Written;
            if (deadline is null || frames.Length <= SliceBytes)
            {
                await State.Stream.WriteAsync(frames, false, token).ConfigureAwait(false);
                deadline?.OnProgress(frames.Length);
            }
            else
            {
                for (var at = 0; at < frames.Length; at += SliceBytes)
                {
                    var slice = frames.Slice(at, Math.Min(SliceBytes, frames.Length - at));
                    await State.Stream.WriteAsync(slice, false, token).ConfigureAwait(false);
                    deadline.OnProgress(slice.Length);
                }
            }

            State.Context.Metrics.OnSent(payloadBytes);
            State.SampleRtt();
            return payloadBytes;
        }
        catch (Exception e)
        {
            throw State.Translate(LinkPhase.Send, e, deadline, token);
        }
        finally
        {
            _writer.Clear();
            Leave();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteAsync(ReadOnlyMemory<byte> frames, int payloadBytes, CancellationToken token)
    {
        try
        {
            await State.Stream.WriteAsync(frames, false, token).ConfigureAwait(false);
            State.Context.Metrics.OnSent(payloadBytes);
            State.SampleRtt();
        }
        catch (Exception e)
        {
            throw State.Translate(LinkPhase.Send, e, null, token);
        }
        finally
        {
            Leave();
        }
    }

    private void Enter()
    {
        if (Interlocked.Exchange(ref _busy, 1) != 0)
            throw new InvalidOperationException("A link has one sender at a time.");
    }

    private void Leave() => Volatile.Write(ref _busy, 0);
}
