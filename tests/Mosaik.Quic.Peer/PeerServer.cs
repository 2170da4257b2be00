using System.Runtime.InteropServices;

namespace Mosaik.Quic.Peer;

/// <summary>Serves connections until it is stopped; with --once, one.</summary>
internal sealed class PeerServer(PeerOptions options)
{
    private readonly TaskCompletionSource _firstEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _stop = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _code;
    private int _accepted;

    public async Task<ExitCode> RunAsync()
    {
        await using var peer = new PeerEndpoint(options, OnConnectionClosed);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        JsonLine.Event("listening")
            .With("address", peer.Endpoint.LocalEndPoints[0].ToString())
            .With("public_key", peer.Endpoint.PublicKey.Span)
            .Print();

        var accepting = AcceptAsync(peer);
        var ends = new List<Task> { _stop.Task };
        if (options.Once)
            ends.Add(_firstEnded.Task);
        if (options.Timeout is { } timeout)
            ends.Add(Task.Delay(timeout));
        var first = await Task.WhenAny(ends);
        if (options.Timeout is not null && first == ends[^1])
        {
            JsonLine.Warn("--timeout ran out");
            return ExitCode.Timeout;
        }

        await peer.DisposeAsync();
        await accepting;
        return (ExitCode)Volatile.Read(ref _code);
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        _stop.TrySetResult();
    }

    /// <summary>Also called for connections whose handshake failed, which nobody accepts.</summary>
    private void OnConnectionClosed(QuicCloseInfo info)
    {
        if (info.Kind == QuicCloseKind.StatelessReset || (info is { Kind: QuicCloseKind.Transport, Code: not 0 }))
            Note(Volatile.Read(ref _accepted) == 0 ? ExitCode.Handshake : ExitCode.Lost);
        if (Volatile.Read(ref _accepted) == 0)
            _firstEnded.TrySetResult();
    }

    private void Note(ExitCode code) => Interlocked.CompareExchange(ref _code, (int)code, 0);

    private async Task AcceptAsync(PeerEndpoint peer)
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                var connection = await peer.Endpoint.AcceptAsync();
                Interlocked.Increment(ref _accepted);
                serving.Add(ServeAsync(peer, connection));
                serving.RemoveAll(static task => task.IsCompletedSuccessfully);
            }
        }
        catch (QuicException e) when (e.Kind == QuicErrorKind.EndpointClosed)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(PeerEndpoint peer, QuicConnection connection)
    {
        peer.PrintHandshake(connection);
        var bidirectional = ServeStreamsAsync(peer, connection, QuicStreamDirection.Bidirectional);
        var unidirectional = ServeStreamsAsync(peer, connection, QuicStreamDirection.Unidirectional);
        try
        {
            if (options.Push is { } push)
                await PushAsync(peer, connection, push);
        }
        catch (QuicException e)
        {
            JsonLine.Warn(e.Message);
            Note(ExitCode.Data);
        }
        await connection.WaitClosedAsync();
        await bidirectional;
        await unidirectional;
        _firstEnded.TrySetResult();
    }

    private async Task PushAsync(PeerEndpoint peer, QuicConnection connection, Work push)
    {
        var direction = push == Work.Uni ? QuicStreamDirection.Unidirectional : QuicStreamDirection.Bidirectional;
        var stream = await connection.OpenStreamAsync(direction);
        var ok = await StreamWork.ExchangeAsync(
            PeerEndpoint.NumberOf(connection), stream, options.PushBytes, options.PushBytes);
        await EndStreamAsync(peer, connection, ok);
    }

    private async Task ServeStreamsAsync(PeerEndpoint peer, QuicConnection connection, QuicStreamDirection direction)
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                var stream = await connection.AcceptStreamAsync(direction);
                serving.Add(ServeStreamAsync(peer, connection, stream));
                serving.RemoveAll(static task => task.IsCompletedSuccessfully);
            }
        }
        catch (QuicException)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeStreamAsync(PeerEndpoint peer, QuicConnection connection, QuicStream stream)
    {
        var number = PeerEndpoint.NumberOf(connection);
        if (options.Work == Work.Hold)
        {
            if (options.Close is { } close)
                await connection.CloseAsync(close.Code, close.Reason);
            return;
        }
        var ok = options.Work switch
        {
            _ when !stream.CanWrite => await StreamWork.SinkAsync(number, stream),
            Work.Sink => await StreamWork.SinkAsync(number, stream),
            Work.Source => await StreamWork.SourceAsync(number, stream, options.Bytes ?? 0),
            _ => await StreamWork.EchoAsync(number, stream),
        };
        await EndStreamAsync(peer, connection, ok);
    }

    private async Task EndStreamAsync(PeerEndpoint peer, QuicConnection connection, bool ok)
    {
        if (!ok)
            Note(ExitCode.Data);
        if (options.Close is not { } close)
            return;
        peer.EndImpairment();
        await connection.CloseAsync(close.Code, close.Reason);
    }
}
