using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Networking;

/// <summary>
/// The memory that large inbound frames of one protocol may take together (spec/reliability.md LEN-8): a frame above
/// <see cref="FreeBytes"/> needs a permit for its full claim before more than that is read. One permit per peer.
/// </summary>
/// <remarks>
/// Permits are granted in order of request; a request that only waits for its own peer's other permit does not hold up
/// the ones behind it. Waiting pauses the read, and thereby the peer.
/// </remarks>
internal sealed class FrameBudget
{
    /// <summary>What a frame may take without a permit.</summary>
    internal const int FreeBytes = 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly TaskScheduler _scheduler;
    private readonly HashSet<PeerId> _holders = [];
    private readonly LinkedList<Request> _requests = [];
    private long _available;

    /// <summary>A budget of so many bytes.</summary>
    public FrameBudget(long capacity, TaskScheduler scheduler)
    {
        Capacity = _available = capacity;
        _scheduler = scheduler;
    }

    /// <summary>All of it.</summary>
    public long Capacity { get; }

    /// <summary>What is not granted now.</summary>
    public long Available
    {
        get
        {
            lock (_lock)
                return _available;
        }
    }

    /// <summary>Waits for a permit.</summary>
    public async ValueTask<Permit> AcquireAsync(PeerId peer, long claim, CancellationToken cancellationToken)
    {
        // A claim above the whole budget takes all of it: the limits of the protocols are below anyway.
        var request = new Request(this, peer, Math.Min(claim, Capacity));
        LinkedListNode<Request> node;
        lock (_lock)
        {
            node = _requests.AddLast(request);
            Grant();
        }

        try
        {
            await request.Granted.WaitAsync(cancellationToken).ConfigureAwait(false);
            return request.Permit;
        }
        catch (OperationCanceledException)
        {
            lock (_lock)
            {
                if (node.List is not null)
                {
                    _requests.Remove(node);
                    Grant(); // it may have been the first in line
                }
                else
                {
                    Release(request); // granted at the same moment
                }
            }

            throw;
        }
    }

    private void Release(Request request)
    {
        lock (_lock)
        {
            _available += request.Bytes;
            _holders.Remove(request.Peer);
            Grant();
        }
    }

    private void Grant()
    {
        var node = _requests.First;
        while (node is not null)
        {
            var (request, next) = (node.Value, node.Next);
            if (!_holders.Contains(request.Peer))
            {
                if (request.Bytes > _available)
                    return; // the first in line that memory is short for is not overtaken
                _available -= request.Bytes;
                _holders.Add(request.Peer);
                _requests.Remove(node);
                request.Granted.TrySetResult();
            }

            node = next;
        }
    }

    /// <summary>The right to hold a large frame, until disposed.</summary>
    internal sealed class Permit(Action release) : IDisposable
    {
        private Action? _release = release;

        /// <inheritdoc/>
        public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke();
    }

    private sealed class Request
    {
        public Request(FrameBudget owner, PeerId peer, long bytes)
        {
            Peer = peer;
            Bytes = bytes;
            Granted = new Completion(owner._scheduler);
            Permit = new Permit(() => owner.Release(this));
        }

        public PeerId Peer { get; }

        public long Bytes { get; }

        public Completion Granted { get; }

        public Permit Permit { get; }
    }
}
