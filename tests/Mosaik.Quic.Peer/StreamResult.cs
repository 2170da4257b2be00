using System.Security.Cryptography;

namespace Mosaik.Quic.Peer;

/// <summary>How one stream turned out.</summary>
internal sealed class StreamResult(long connection, long id) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public long Received { get; private set; }

    public long Sent { get; set; }

    /// <summary>Received bytes differ from the pattern.</summary>
    public bool IsWrong { get; set; }

    /// <summary>What went wrong; null if nothing did.</summary>
    public string? Problem { get; set; }

    /// <summary>The code of RESET_STREAM or STOP_SENDING, if there was one.</summary>
    public ulong? ErrorCode { get; set; }

    public bool IsOk => Problem is null && !IsWrong;

    public void OnReceived(ReadOnlySpan<byte> data)
    {
        Received += data.Length;
        _hash.AppendData(data);
    }

    /// <summary>Prints the event. True if all went well.</summary>
    public bool Print()
    {
        if (IsWrong)
            Problem = "received data differs from the pattern";
        var line = JsonLine.Event("stream", connection)
            .With("id", id).With("rx", Received).With("tx", Sent).With("ok", IsOk);
        if (Received > 0)
            line.With("rx_sha256", _hash.GetCurrentHash());
        if (ErrorCode is { } code)
            line.With("error_code", code);
        if (Problem is not null)
            line.With("why", Problem);
        line.Print();
        return IsOk;
    }

    public void Dispose() => _hash.Dispose();
}
