using Mosaik.Discovery.Gossip.Protocol;

namespace Mosaik.Discovery.Gossip;

/// <summary>
/// Payloads that came lately and have the id they claim, for the whole process: a payload comes from several neighbours, and
/// to every node of the process. One that is known byte by byte is neither hashed nor copied again.
/// </summary>
/// <remarks>
/// Two generations: what is asked for moves into the young one, and when that is full the old one is forgotten. Thread-safe.
/// </remarks>
internal sealed class KnownPayloads
{
    /// <summary>Payloads of a generation.</summary>
    public const int MaxCount = 8192;

    /// <summary>Bytes of a generation.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    private readonly Lock _lock = new();
    private Dictionary<MessageId, ReadOnlyMemory<byte>> _young = [];
    private Dictionary<MessageId, ReadOnlyMemory<byte>> _old = [];
    private long _youngBytes;

    /// <summary>Those of the process.</summary>
    public static KnownPayloads Shared { get; } = new();

    /// <summary>How many are known.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _young.Count + _old.Keys.Count(id => !_young.ContainsKey(id));
        }
    }

    /// <summary>The payload with this id if it is known and consists of these bytes.</summary>
    public bool TryGet(MessageId id, ReadOnlySpan<byte> content, out ReadOnlyMemory<byte> payload)
    {
        lock (_lock)
        {
            if (_young.TryGetValue(id, out payload))
                return content.SequenceEqual(payload.Span);
            if (!_old.TryGetValue(id, out payload) || !content.SequenceEqual(payload.Span))
                return false;
            Put(id, payload);
            return true;
        }
    }

    /// <summary>Remembers a payload whose hash is its id. The bytes must not change.</summary>
    public void Add(MessageId id, ReadOnlyMemory<byte> payload)
    {
        lock (_lock)
            Put(id, payload);
    }

    private void Put(MessageId id, ReadOnlyMemory<byte> payload)
    {
        if (!_young.TryAdd(id, payload))
            return;
        _youngBytes += payload.Length;
        if (_young.Count < MaxCount && _youngBytes < MaxBytes)
            return;
        _old = _young;
        _young = [];
        _youngBytes = 0;
    }
}
