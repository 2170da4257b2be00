namespace Mosaik.Streams;

/// <summary>One handle of a sink: whose waits end when it is disposed.</summary>
internal sealed class ProducerHandle
{
    private int _closed;

    /// <summary>Whether the handle was disposed.</summary>
    public bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>Closes it; true for the first caller.</summary>
    public bool TryClose() => Interlocked.Exchange(ref _closed, 1) == 0;
}
