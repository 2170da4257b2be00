using Mosaik.Waiting;

namespace Mosaik.Quic.Driver;

/// <summary>
/// An operation of a handle that has to wait: for the driver, which was busy, or for something to happen. It is at once
/// the work item, the place in a line, and the source of the caller's task.
/// </summary>
/// <remarks>
/// Everything but the token belongs to the owner of the turn. Life: the handle arms it and either posts it or, being
/// inside already, lines it up; it ends exactly once, by <see cref="End"/> or <see cref="EndWith"/>; fetching the result
/// frees it for reuse. Cancellation is posted like any other work, so that it never meets a half-done operation: it
/// withdraws the operation if that is still waiting, and does nothing otherwise.
/// </remarks>
internal abstract class DriverOperation<T>(QuicEndpointDriver driver) : WaitSource<T>(driver.Scheduler), IWork
{
    IWork? IWork.Next { get; set; }

    /// <summary>True while it waits in its line.</summary>
    public bool IsWaiting { get; private set; }

    protected QuicEndpointDriver Driver => driver;

    /// <summary>Runs the operation inside a turn, when the driver was busy at the time of the call.</summary>
    void IWork.Run()
    {
        IsWaiting = true;
        Attempt();
    }

    /// <summary>Inside a turn: the operation could not end at once and waits from now on.</summary>
    public void BeginWaiting() => IsWaiting = true;

    /// <summary>Inside a turn: ends it with a result.</summary>
    public void End(T result)
    {
        IsWaiting = false;
        Succeed(result);
    }

    /// <summary>
    /// The same, for what a datagram has brought: where a receive thread is inside, the caller may continue on it.
    /// </summary>
    protected void EndReceived(T result)
    {
        IsWaiting = false;
        SucceedCollected(result);
    }

    /// <summary>Inside a turn: ends it with an exception.</summary>
    public void EndWith(Exception error)
    {
        IsWaiting = false;
        Fail(error);
    }

    /// <summary>Inside a turn: ends the operation if that is possible now, else lines it up.</summary>
    protected abstract void Attempt();

    /// <summary>Inside a turn: takes the operation out of its line.</summary>
    protected abstract void Withdraw();

    protected override void TryCancel(CancellationToken token) => driver.Post(new Cancellation(this, token));

    protected override void OnReleased()
    {
    }

    private void Cancel(CancellationToken token)
    {
        if (!IsWaiting || Token != token)
            return;
        Withdraw();
        EndWith(new OperationCanceledException(token));
    }

    private sealed class Cancellation(DriverOperation<T> operation, CancellationToken token) : IWork
    {
        public IWork? Next { get; set; }

        public void Run() => operation.Cancel(token);
    }
}
