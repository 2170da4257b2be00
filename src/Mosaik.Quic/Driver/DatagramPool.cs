using System.Net;

namespace Mosaik.Quic.Driver;

/// <summary>
/// The receive buffers of one socket: pinned, 64 KiB each, made when first needed and used over and over. The thread that
/// receives waits while all of them are with the driver, which is the back-pressure that bounds the driver's queue.
/// </summary>
internal sealed class DatagramPool(int capacity) : IDisposable
{
    /// <summary>What one receive call can deliver at most.</summary>
    public const int BufferLength = 65_536;

    private static readonly IPEndPoint Unknown = new(IPAddress.Any, 0);

    private readonly Lock _lock = new();
    private readonly Stack<Item> _free = new(capacity);
    private readonly SemaphoreSlim _available = new(capacity, capacity);
    private volatile bool _closed;

    /// <summary>Buffers that are with the driver.</summary>
    public int Rented => capacity - _available.CurrentCount;

    /// <summary>A buffer; waits until there is one. Null after <see cref="Dispose"/>.</summary>
    public ReceivedDatagrams? Rent()
    {
        if (_closed)
            return null;
        _available.Wait();
        return _closed ? null : Take();
    }

    /// <summary>A buffer if one is free; never waits.</summary>
    public ReceivedDatagrams? TryRent()
    {
        if (_closed || !_available.Wait(0))
            return null;
        return _closed ? null : Take();
    }

    /// <summary>The same for an asynchronous receive loop.</summary>
    public async ValueTask<ReceivedDatagrams?> RentAsync()
    {
        if (_closed)
            return null;
        await _available.WaitAsync().ConfigureAwait(false);
        return _closed ? null : Take();
    }

    /// <summary>
    /// Ends the wait of the receive loop; buffers that come back later go to the collector. The semaphore has no wait
    /// handle to be freed and may still be asked by the loop, so it is left alone.
    /// </summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_closed)
                return;
            _closed = true;
            _free.Clear();
            if (_available.CurrentCount == 0)
                _available.Release();
        }
    }

    private Item Take()
    {
        lock (_lock)
        {
            if (_free.TryPop(out var item))
            {
                item.InUse = true;
                return item;
            }
        }
        return new Item(this, GC.AllocateUninitializedArray<byte>(BufferLength, pinned: true)) { Remote = Unknown };
    }

    private void Return(Item item)
    {
        lock (_lock)
        {
            if (!item.InUse)
                throw new InvalidOperationException("A receive buffer was released twice.");
            item.InUse = false;
            if (_closed)
                return;
            _free.Push(item);
            _available.Release();
        }
    }

    private sealed class Item(DatagramPool owner, byte[] buffer) : ReceivedDatagrams(buffer)
    {
        public bool InUse { get; set; } = true;

        public override void Release() => owner.Return(this);
    }
}
