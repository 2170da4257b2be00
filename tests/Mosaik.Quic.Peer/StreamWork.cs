namespace Mosaik.Quic.Peer;

/// <summary>The pieces of work on one stream. Each prints its result and tells whether all went well.</summary>
internal static class StreamWork
{
    private const int ChunkLength = 64 * 1024;

    /// <summary>Sends back what arrives.</summary>
    public static Task<bool> EchoAsync(long connection, QuicStream stream) => ReportAsync(connection, stream, async result =>
    {
        var buffer = new byte[ChunkLength];
        while (true)
        {
            var read = await stream.ReadAsync(buffer);
            if (read == 0)
                break;
            result.OnReceived(buffer.AsSpan(0, read));
            await stream.WriteAsync(buffer.AsMemory(0, read));
            result.Sent += read;
        }
        stream.CompleteWrites();
    });

    /// <summary>Reads to the end, then answers with FIN alone where that is possible.</summary>
    public static Task<bool> SinkAsync(long connection, QuicStream stream) => ReportAsync(connection, stream, async result =>
    {
        await ReadToEndAsync(stream, result, check: false);
        if (stream.CanWrite)
            stream.CompleteWrites();
    });

    /// <summary>Sends <paramref name="bytes"/> of the pattern and reads what comes.</summary>
    public static Task<bool> SourceAsync(long connection, QuicStream stream, long bytes) =>
        ReportAsync(connection, stream, async result =>
        {
            var reading = ReadToEndAsync(stream, result, check: false);
            await SendPatternAsync(stream, result, bytes);
            await reading;
        });

    /// <summary>Sends the pattern and, on a bidirectional stream, expects as many bytes of it back as given.</summary>
    public static Task<bool> ExchangeAsync(long connection, QuicStream stream, long send, long? expect) =>
        ReportAsync(connection, stream, async result =>
        {
            var reading = stream.CanRead ? ReadToEndAsync(stream, result, check: true) : Task.CompletedTask;
            await SendPatternAsync(stream, result, send);
            await reading;
            await stream.WaitAllAcknowledgedAsync();
            if (stream.CanRead && expect is { } expected && result.Received != expected)
                result.Problem = "wrong amount of data received";
        });

    /// <summary>Sends <paramref name="bytes"/>, then resets; done when both directions have ended.</summary>
    public static Task<bool> ResetAsync(long connection, QuicStream stream, long bytes, ulong code) =>
        ReportAsync(connection, stream, async result =>
        {
            await SendPatternAsync(stream, result, bytes, complete: false);
            // Otherwise the reset would overtake everything that is not in packets yet.
            await stream.WaitAllAcknowledgedAsync();
            stream.Reset(code);
            result.ErrorCode = code;
            try
            {
                await ReadToEndAsync(stream, result, check: true);
            }
            catch (QuicException e) when (e.Kind == QuicErrorKind.StreamReset)
            {
                // The peer has nothing left to answer with.
            }
        });

    /// <summary>Reads <paramref name="bytes"/>, then stops the peer, which has to answer with a reset of the same code.</summary>
    public static Task<bool> StopAsync(long connection, QuicStream stream, long bytes, ulong code) =>
        ReportAsync(connection, stream, async result =>
        {
            stream.CompleteWrites();
            var buffer = new byte[ChunkLength];
            while (result.Received < bytes)
            {
                var read = await stream.ReadAsync(buffer);
                if (read == 0)
                {
                    result.Problem = "the stream ended before it could be stopped";
                    return;
                }
                result.OnReceived(buffer.AsSpan(0, read));
            }
            stream.StopSending(code);
            result.ErrorCode = code;
        });

    private static async Task<bool> ReportAsync(long connection, QuicStream stream, Func<StreamResult, Task> work)
    {
        using var result = new StreamResult(connection, stream.Id);
        try
        {
            await work(result);
        }
        catch (QuicException e)
        {
            result.Problem = e.Kind switch
            {
                QuicErrorKind.StreamReset => "reset by the peer",
                QuicErrorKind.StreamStopped => "stopped by the peer",
                _ => e.Message,
            };
            if (e.Kind is QuicErrorKind.StreamReset or QuicErrorKind.StreamStopped)
                result.ErrorCode = e.ErrorCode;
            if (e.Kind == QuicErrorKind.StreamReset && stream.CanWrite)
                stream.Reset(e.ErrorCode);
        }
        return result.Print();
    }

    private static async Task SendPatternAsync(QuicStream stream, StreamResult result, long bytes, bool complete = true)
    {
        var buffer = new byte[(int)Math.Min(bytes, ChunkLength)];
        while (result.Sent < bytes)
        {
            var length = (int)Math.Min(buffer.Length, bytes - result.Sent);
            Pattern.Fill(buffer.AsSpan(0, length), stream.Id, result.Sent);
            await stream.WriteAsync(buffer.AsMemory(0, length), complete && result.Sent + length == bytes);
            result.Sent += length;
        }
        if (complete)
            stream.CompleteWrites();
    }

    private static async Task ReadToEndAsync(QuicStream stream, StreamResult result, bool check)
    {
        if (!stream.CanRead)
            return;
        var buffer = new byte[ChunkLength];
        while (true)
        {
            var read = await stream.ReadAsync(buffer);
            if (read == 0)
                return;
            var data = buffer.AsSpan(0, read);
            if (check && !Pattern.Matches(data, stream.Id, result.Received))
                result.IsWrong = true;
            result.OnReceived(data);
        }
    }
}
