using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>
/// A bound on one exchange: a total time, and optionally a time without progress (spec/wire.md §6.5). It gives a token
/// to wait with, and knows afterwards whether the wait ended because of it or because of its caller.
/// </summary>
/// <remarks>Expiry is raised as <see cref="MosaikTimeoutException"/>, never as a cancellation.</remarks>
internal sealed class Deadline : IDisposable
{
    /// <summary>So many bytes received or taken by the transport count as progress.</summary>
    internal const int ProgressBytes = 16 * 1024;

    private static readonly TimerCallback OnTotal = static self => ((Deadline)self!).Expire(isTotal: true);
    private static readonly TimerCallback OnStall = static self => ((Deadline)self!).Expire(isTotal: false);

    private readonly CancellationTokenSource _source;
    private readonly ITimer _total;
    private readonly ITimer? _stall;
    private readonly TimeSpan _limit;
    private readonly TimeSpan _stallLimit;
    private readonly string _phase;
    private readonly PeerId? _peer;
    private long _bytes;
    private int _expired;

    /// <summary>Starts the clock.</summary>
    /// <param name="timeProvider">The clock.</param>
    /// <param name="limit">The total time.</param>
    /// <param name="phase">What is bounded, in words for the exception.</param>
    /// <param name="peer">Who is waited for.</param>
    /// <param name="stallLimit">The time without progress, if that is bounded too.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    public Deadline(
        TimeProvider timeProvider,
        TimeSpan limit,
        string phase,
        PeerId? peer = null,
        TimeSpan? stallLimit = null,
        CancellationToken cancellationToken = default)
    {
        Caller = cancellationToken;
        _source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Token = _source.Token;
        _limit = limit;
        _phase = phase;
        _peer = peer;
        _total = timeProvider.CreateTimer(OnTotal, this, Max(limit, TimeSpan.Zero), Timeout.InfiniteTimeSpan);
        if (stallLimit is { } stall)
        {
            _stallLimit = stall;
            _stall = timeProvider.CreateTimer(OnStall, this, stall, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Cancelled by the caller or by expiry.</summary>
    public CancellationToken Token { get; }

    /// <summary>The caller's own token.</summary>
    public CancellationToken Caller { get; }

    /// <summary>Whether the time is up and the caller has not cancelled: the caller's token takes precedence.</summary>
    public bool IsExpired => Volatile.Read(ref _expired) != 0 && !Caller.IsCancellationRequested;

    /// <summary>What a link whose deadline expires is closed with; null = the code of its protocol.</summary>
    public CloseCode? Code { get; init; }

    /// <summary>Runs something under a deadline and raises expiry as what it is.</summary>
    public static async ValueTask<T> RunAsync<T>(
        TimeProvider timeProvider,
        TimeSpan limit,
        string phase,
        PeerId? peer,
        Func<CancellationToken, ValueTask<T>> body,
        CancellationToken cancellationToken)
    {
        using var deadline = new Deadline(timeProvider, limit, phase, peer, null, cancellationToken);
        try
        {
            return await body(deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (deadline.IsExpired)
        {
            throw deadline.ToException(e);
        }
    }

    /// <summary>Starts the time without progress anew, for the next step of an exchange.</summary>
    public void StartStep()
    {
        Volatile.Write(ref _bytes, 0);
        _stall?.Change(_stallLimit, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Counts progress.</summary>
    public void OnProgress(int bytes)
    {
        if (_stall is null || Interlocked.Add(ref _bytes, bytes) < ProgressBytes)
            return;
        StartStep();
    }

    /// <summary>The exception for an expired deadline.</summary>
    public MosaikTimeoutException ToException(Exception? cause = null) =>
        new(_phase, _peer, Volatile.Read(ref _expired) == 1 ? _limit : _stallLimit, cause);

    /// <summary>Stops the clock.</summary>
    public void Dispose()
    {
        _total.Dispose();
        _stall?.Dispose();
        _source.Dispose();
    }

    private static TimeSpan Max(TimeSpan x, TimeSpan y) => x > y ? x : y;

    private void Expire(bool isTotal)
    {
        if (Interlocked.CompareExchange(ref _expired, isTotal ? 1 : 2, 0) != 0)
            return;
        try
        {
            _source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The exchange ended while the timer fired.
        }
    }
}
