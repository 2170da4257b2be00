using Mosaik.Groups.Raft;
using Mosaik.Waiting;

namespace Mosaik.Groups;

/// <summary>A call of the application on its way to the loop of a group. Completed exactly once.</summary>
internal abstract class GroupCall
{
    /// <summary>How many commands it carries.</summary>
    public virtual int CommandCount => 0;

    /// <summary>Their bytes.</summary>
    public virtual long CommandBytes => 0;

    /// <summary>Begins. On the loop.</summary>
    public abstract void Begin(GroupDriver driver);

    /// <summary>Ends it without a result.</summary>
    public abstract void Fail(Exception error);
}

/// <summary>Commands to execute or to feed.</summary>
internal sealed class CommandCall(
    ReadOnlyMemory<byte>[] commands, long bytes, SubmitMode mode, TaskScheduler scheduler) : GroupCall
{
    public override int CommandCount => commands.Length;

    public override long CommandBytes => bytes;

    public ReadOnlySpan<ReadOnlyMemory<byte>> Commands => commands;

    public SubmitMode Mode => mode;

    public Completion<CommandCompletion> Result { get; } = new(scheduler);

    public override void Begin(GroupDriver driver) => driver.Submit(this);

    public override void Fail(Exception error) => Result.TrySetException(error);
}

/// <summary>A strong query, which the core answers or forwards.</summary>
internal sealed class StrongQueryCall(ReadOnlyMemory<byte> query, TaskScheduler scheduler) : GroupCall
{
    public ReadOnlyMemory<byte> Query => query;

    public Completion<QueryCompletion> Result { get; } = new(scheduler);

    public override void Begin(GroupDriver driver) => driver.Ask(this);

    public override void Fail(Exception error) => Result.TrySetException(error);
}

/// <summary>A query that this node's own state answers.</summary>
internal sealed class LocalQueryCall<TResult>(Func<TResult> query, TaskScheduler scheduler) : GroupCall
{
    public Completion<QueryResultAt<TResult>> Result { get; } = new(scheduler);

    public override void Begin(GroupDriver driver)
    {
        if (driver.DivergedAt is { } verified)
        {
            Fail(new GroupDivergedException(driver.GroupId, verified));
            return;
        }

        try
        {
            Result.TrySetResult(new QueryResultAt<TResult>(query(), driver.Committed.Index));
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            Fail(error); // of the user's machine, for the caller
        }
    }

    public override void Fail(Exception error) => Result.TrySetException(error);
}
