namespace Mosaik.Quic.Peer;

/// <summary>One connection, one piece of work, one verdict.</summary>
internal sealed class PeerClient(PeerOptions options)
{
    private const ulong Pings = 3;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(10);

    public async Task<ExitCode> RunAsync()
    {
        await using var peer = new PeerEndpoint(options, static _ => { });
        using var deadline = new CancellationTokenSource(options.Timeout ?? Timeout.InfiniteTimeSpan);
        QuicConnection connection;
        try
        {
            connection = await peer.Endpoint.ConnectAsync(options.Address, options.Peer, options.Alpn, deadline.Token);
        }
        catch (QuicException e)
        {
            JsonLine.Warn(e.Message);
            return ExitCode.Handshake;
        }
        catch (OperationCanceledException)
        {
            JsonLine.Warn("--timeout ran out");
            return ExitCode.Timeout;
        }

        peer.PrintHandshake(connection);
        var pushed = AnswerAllAsync(connection);
        var work = WorkAsync(peer, connection);
        var closed = connection.WaitClosedAsync().AsTask();
        var expired = Task.Delay(Timeout.InfiniteTimeSpan, deadline.Token);
        var first = await Task.WhenAny(work, closed, expired);
        if (first == expired)
        {
            JsonLine.Warn("--timeout ran out");
            await connection.CloseAsync(0, "timeout");
            return ExitCode.Timeout;
        }

        if (first == closed && !work.IsCompleted)
        {
            var info = await closed;
            if (options.Work == Work.Wait && info is { IsRemote: true, Kind: QuicCloseKind.Application })
                return await pushed ? ExitCode.Ok : ExitCode.Data;
            await work;
            JsonLine.Warn("the connection ended before the work was done");
            return ExitCode.Lost;
        }

        var code = await work;
        if (connection.CloseInfo is { IsRemote: true, Kind: not QuicCloseKind.Application } && code != ExitCode.Ok)
            code = ExitCode.Lost;
        else if (connection.CloseInfo is not null && code != ExitCode.Ok)
            code = ExitCode.Lost;
        peer.EndImpairment();
        await connection.CloseAsync(options.Close?.Code ?? 0, options.Close?.Reason ?? "");
        return code;
    }

    private async Task<ExitCode> WorkAsync(PeerEndpoint peer, QuicConnection connection)
    {
        switch (options.Work)
        {
            case Work.Wait:
                await connection.WaitClosedAsync();
                return ExitCode.Ok;
            case Work.Ping:
                return await PingAsync(connection) ? ExitCode.Ok : ExitCode.Lost;
        }

        var streams = new Task<bool>[options.Streams];
        for (var i = 0; i < streams.Length; i++)
        {
            QuicStream stream;
            try
            {
                stream = await connection.OpenStreamAsync(options.Work == Work.Uni
                    ? QuicStreamDirection.Unidirectional
                    : QuicStreamDirection.Bidirectional);
            }
            catch (QuicException)
            {
                return ExitCode.Lost;
            }
            streams[i] = RunStreamAsync(PeerEndpoint.NumberOf(connection), stream);
        }
        if (options.Rebind)
            await RebindAsync(peer, connection);
        var results = await Task.WhenAll(streams);
        if (!Array.TrueForAll(results, static ok => ok))
            return ExitCode.Data;
        if (peer.TraceOf(connection).LocalUpdates >= (ulong)options.KeyUpdateCount)
            return ExitCode.Ok;
        JsonLine.Warn("too few key updates: too little data was moved");
        return ExitCode.Data;
    }

    private Task<bool> RunStreamAsync(long number, QuicStream stream)
    {
        var bytes = options.Bytes ?? 0;
        return options.Work switch
        {
            Work.Echo or Work.Multi => StreamWork.ExchangeAsync(number, stream, bytes, bytes),
            Work.Sink => StreamWork.ExchangeAsync(number, stream, bytes, 0),
            Work.Source => StreamWork.ExchangeAsync(number, stream, 0, options.Bytes),
            Work.Uni => StreamWork.ExchangeAsync(number, stream, bytes, null),
            Work.Reset => StreamWork.ResetAsync(number, stream, bytes, options.ErrorCode),
            _ => StreamWork.StopAsync(number, stream, bytes, options.ErrorCode),
        };
    }

    /// <summary>Streams that the server opens are echoed or read to the end.</summary>
    private static async Task<bool> AnswerAllAsync(QuicConnection connection)
    {
        var results = await Task.WhenAll(
            AnswerAsync(connection, QuicStreamDirection.Bidirectional),
            AnswerAsync(connection, QuicStreamDirection.Unidirectional));
        return results[0] && results[1];
    }

    private static async Task<bool> AnswerAsync(QuicConnection connection, QuicStreamDirection direction)
    {
        var number = PeerEndpoint.NumberOf(connection);
        var answers = new List<Task<bool>>();
        try
        {
            while (true)
            {
                var stream = await connection.AcceptStreamAsync(direction);
                answers.Add(stream.CanWrite
                    ? StreamWork.EchoAsync(number, stream)
                    : StreamWork.SinkAsync(number, stream));
            }
        }
        catch (QuicException)
        {
            return Array.TrueForAll(await Task.WhenAll(answers), static ok => ok);
        }
    }

    /// <summary>The keep-alive timer, which is set short for this, sends PINGs; each is answered with a packet.</summary>
    private static async Task<bool> PingAsync(QuicConnection connection)
    {
        var statistics = connection.Driver.Core.Statistics;
        // What belongs to the handshake is over after a few ticks.
        await Task.Delay(20 * Tick);
        var before = statistics.PacketsReceived;
        while (statistics.PacketsReceived < before + Pings)
        {
            if (connection.CloseInfo is not null)
                return false;
            await Task.Delay(Tick);
        }
        JsonLine.Event("ping", PeerEndpoint.NumberOf(connection))
            .With("acked", Pings).With("rtt_us", (long)connection.SmoothedRtt.TotalMicroseconds).Print();
        return true;
    }

    /// <summary>Changes the local port once 64 KiB have moved.</summary>
    private static async Task RebindAsync(PeerEndpoint peer, QuicConnection connection)
    {
        const ulong MoveAfter = 64 * 1024;
        while (connection.Driver.Core.Statistics.BytesReceived < MoveAfter && connection.CloseInfo is null)
            await Task.Delay(Tick / 10);
        peer.Rebind(connection);
    }
}
