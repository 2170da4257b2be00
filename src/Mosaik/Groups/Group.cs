using System.Buffers;
using System.Runtime.CompilerServices;
using Mosaik.Groups.Raft;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// A handle to a group this node is a member of: commands are replicated to all members in one order, queries ask the state,
/// and one of the members leads (spec/groups.md).
/// </summary>
/// <remarks>
/// <para>Work starts at the call: a command is encoded and queued before the method returns, and errors of the encoding are
/// thrown by the call. Cancelling the token of a call stops the observation, not the command.</para>
/// <para>Calls of all handles of one node keep their order as long as leadership is stable. What an acknowledgement is worth
/// depends on <see cref="GroupOptions.Safety"/>.</para>
/// <para>Thread-safe and cheap. The group is left when its last handle on this node is disposed.</para>
/// </remarks>
/// <typeparam name="TCommand">What changes the state.</typeparam>
/// <typeparam name="TQuery">A question.</typeparam>
/// <typeparam name="TResult">The answer.</typeparam>
public sealed class Group<TCommand, TQuery, TResult> : IAsyncDisposable
{
    private const int KeptScratch = 64 * 1024;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? Scratch;

    private readonly NetworkGroups _groups;
    private readonly GroupInstance<TCommand, TQuery, TResult> _instance;
    private readonly GroupDriver _driver;
    private int _disposed;

    internal Group(NetworkGroups groups, GroupInstance<TCommand, TQuery, TResult> instance)
    {
        _groups = groups;
        _instance = instance;
        _driver = instance.Driver;
        When = new GroupWhen(_driver.Status);
    }

    /// <summary>The group's id, which follows from key, machine and options.</summary>
    public GroupId Id => _driver.GroupId;

    /// <summary>The settings in force: those of the call that joined first.</summary>
    public GroupOptions Options => _instance.Options;

    /// <summary>The connections to other members.</summary>
    public GroupBonds Bonds => _driver.Bonds;

    /// <summary>Conditions to await.</summary>
    public GroupWhen When { get; }

    /// <summary>The leader, if one is known.</summary>
    public PeerId? Leader => Status.Leader;

    /// <summary>Whether this node leads.</summary>
    public bool IsLeader => Status.IsLeader;

    /// <summary>Whether this node leads, or follows a leader with a verified log.</summary>
    public bool IsOnline => Status.IsOnline;

    /// <summary>The last index that is committed and applied here.</summary>
    public LogIndex Committed => Status.Committed.Index;

    /// <summary>The last entry of this node's log.</summary>
    public LogCursor LogPosition => Status.Log;

    /// <summary>Whether the group still works on this node.</summary>
    public GroupState State => Status.State;

    /// <summary>
    /// What this process is now: with <see cref="Safety.Majority"/> a voter only while it is in the last committed roster.
    /// </summary>
    public GroupRole Role => Status.IsVoter ? GroupRole.Voter : GroupRole.Learner;

    /// <summary><see cref="Safety.Majority"/>: the last committed roster, ascending; otherwise empty.</summary>
    public IReadOnlyList<GroupMember> Voters => Status.Voters;

    /// <summary>Completes when the group has ended on this node; faults if it ended by a failure.</summary>
    public Task Completion => _driver.Completion;

    /// <summary>Cancelled when this node's leadership ends; cancelled already on a node that does not lead.</summary>
    public CancellationToken LeadershipToken => _driver.LeadershipToken;

    private GroupStatus Status => _driver.Status.Current;

    /// <summary>Executes a command: completes when it is committed and applied here.</summary>
    /// <param name="command">The command.</param>
    /// <param name="cancellationToken">Stops the observation, not the command.</param>
    /// <returns>Its index in the log.</returns>
    /// <exception cref="GroupOfflineException{TCommand}">It was not executed, or it is not known whether.</exception>
    /// <exception cref="GroupTerminatedException">The group has ended.</exception>
    /// <exception cref="DatumEncodingException">It cannot be encoded.</exception>
    /// <exception cref="DatumTooLargeException">It is larger than <see cref="GroupOptions.MaxCommandBytes"/>.</exception>
    public ValueTask<LogIndex> ExecuteAsync(TCommand command, CancellationToken cancellationToken = default) =>
        ObserveFirstAsync(command, SubmitMode.Execute, cancellationToken);

    /// <summary>Executes commands that stay together: completes when the last one is committed and applied here.</summary>
    /// <param name="commands">At least one command.</param>
    /// <param name="cancellationToken">Stops the observation, not the commands.</param>
    /// <returns>Their indices.</returns>
    /// <exception cref="ArgumentException">There is no command.</exception>
    /// <inheritdoc cref="ExecuteAsync" path="/exception"/>
    public ValueTask<LogRange> ExecuteManyAsync(IEnumerable<TCommand> commands, CancellationToken cancellationToken = default) =>
        ObserveAsync(ToArray(commands), SubmitMode.Execute, cancellationToken);

    /// <summary>Feeds a command: completes when the leader has appended it. It may still be lost.</summary>
    /// <param name="command">The command.</param>
    /// <param name="cancellationToken">Stops the observation, not the command.</param>
    /// <returns>Its index in the log.</returns>
    /// <inheritdoc cref="ExecuteAsync" path="/exception"/>
    public ValueTask<LogIndex> FeedAsync(TCommand command, CancellationToken cancellationToken = default) =>
        ObserveFirstAsync(command, SubmitMode.Feed, cancellationToken);

    /// <summary>Feeds commands that stay together: completes when the leader has appended them. They may still be lost.</summary>
    /// <param name="commands">At least one command.</param>
    /// <param name="cancellationToken">Stops the observation, not the commands.</param>
    /// <returns>Their indices.</returns>
    /// <exception cref="ArgumentException">There is no command.</exception>
    /// <inheritdoc cref="ExecuteAsync" path="/exception"/>
    public ValueTask<LogRange> FeedManyAsync(IEnumerable<TCommand> commands, CancellationToken cancellationToken = default) =>
        ObserveAsync(ToArray(commands), SubmitMode.Feed, cancellationToken);

    /// <summary>Asks the state.</summary>
    /// <param name="query">The question.</param>
    /// <param name="consistency">Whose state answers.</param>
    /// <param name="cancellationToken">Stops the observation.</param>
    /// <returns>The answer and the position it reflects.</returns>
    /// <exception cref="GroupQueryOfflineException{TQuery}">Nobody could answer a strong query in time.</exception>
    /// <exception cref="GroupDivergedException">This node's state cannot be trusted.</exception>
    /// <exception cref="GroupTerminatedException">The group has ended.</exception>
    /// <exception cref="DatumEncodingException">The query cannot be encoded.</exception>
    public ValueTask<QueryResultAt<TResult>> QueryAsync(
        TQuery query, Consistency consistency = Consistency.Weak, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        if (consistency == Consistency.Weak)
        {
            var machine = _instance.Machine;
            var local = new LocalQueryCall<TResult>(() => machine.Query(query), _groups.Context.Scheduler);
            _driver.Calls.Add(local);
            return local.Result.WaitAsync(cancellationToken);
        }

        var bytes = new ArrayBufferWriter<byte>();
        Encode(_instance.Machine.Queries, query, bytes);
        var call = new StrongQueryCall(bytes.WrittenMemory, _groups.Context.Scheduler);
        _driver.Calls.Add(call);
        return AnswerAsync(query, call, cancellationToken);
    }

    /// <summary>Every time committed entries are taken back, from this call on. Ends when the group ends.</summary>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <returns>The divergences; can be enumerated once.</returns>
    public IAsyncEnumerable<Divergence<TCommand>> DivergencesAsync(CancellationToken cancellationToken = default) =>
        ReadDivergencesAsync(_driver.Divergences.Subscribe(), cancellationToken);

    /// <summary>Closes the handle. The last one of this node leaves the group, within a second.</summary>
    /// <returns>A task for that.</returns>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            await _groups.ReleaseAsync(_instance).ConfigureAwait(false);
    }

    private static TCommand[] ToArray(IEnumerable<TCommand> commands)
    {
        ArgumentNullException.ThrowIfNull(commands);
        TCommand[] array = [.. commands];
        return array.Length > 0 ? array : throw new ArgumentException("There is no command.", nameof(commands));
    }

    private static void Encode<T>(IDatumCodec<T> codec, T value, ArrayBufferWriter<byte> bytes)
    {
        try
        {
            codec.Encode(value, bytes);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            throw new DatumEncodingException(value, error);
        }
    }

    /// <summary>Encodes and queues, and only then becomes asynchronous.</summary>
    private ValueTask<LogRange> ObserveAsync(TCommand[] commands, SubmitMode mode, CancellationToken cancellationToken) =>
        ObserveAsync(commands, Submit(commands, mode), cancellationToken);

    private ValueTask<LogIndex> ObserveFirstAsync(TCommand command, SubmitMode mode, CancellationToken cancellationToken)
    {
        var call = Submit(new ReadOnlySpan<TCommand>(in command), mode);
        return FirstAsync(command, call, cancellationToken);
    }

    private CommandCall Submit(ReadOnlySpan<TCommand> commands, SubmitMode mode)
    {
        ThrowIfDisposed();
        var (codec, limit) = (_instance.Machine.Commands, Options.MaxCommandBytes);
        var bytes = Scratch ??= new ArrayBufferWriter<byte>();
        bytes.ResetWrittenCount();
        var encoded = new ReadOnlyMemory<byte>[commands.Length];
        var total = 0L;
        for (var i = 0; i < commands.Length; i++)
        {
            Encode(codec, commands[i], bytes);
            if (bytes.WrittenCount > limit)
                throw new DatumTooLargeException(bytes.WrittenCount, limit, nameof(GroupOptions.MaxCommandBytes));
            encoded[i] = bytes.WrittenSpan.ToArray();
            total += encoded[i].Length;
            bytes.ResetWrittenCount();
        }

        if (bytes.Capacity > KeptScratch)
            Scratch = null; // a large command does not stay in memory

        var call = new CommandCall(encoded, total, mode, _groups.Context.Scheduler);
        _driver.Calls.Add(call);
        return call;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<LogIndex> FirstAsync(TCommand command, CommandCall call, CancellationToken cancellationToken)
    {
        var result = await call.Result.WaitAsync(cancellationToken).ConfigureAwait(false);
        return result is { Outcome: CommandOutcome.Done, Assigned: { } range } ? range.Start : throw Failed([command], result);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<LogRange> ObserveAsync(TCommand[] commands, CommandCall call, CancellationToken cancellationToken) =>
        ToRange(commands, await call.Result.WaitAsync(cancellationToken).ConfigureAwait(false));

    private static LogRange ToRange(TCommand[] commands, in CommandCompletion result)
    {
        if (result is { Outcome: CommandOutcome.Done, Assigned: { } range })
            return range;
        throw Failed(commands, result);
    }

    private static GroupOfflineException<TCommand> Failed(TCommand[] commands, in CommandCompletion result) =>
        new(commands, ToPublic(result.Outcome), ToPublic(result.Failure), result.Assigned);

    private static OfflineOutcome ToPublic(CommandOutcome outcome) => outcome switch
    {
        CommandOutcome.NotSubmitted => OfflineOutcome.NotSubmitted,
        CommandOutcome.Lost => OfflineOutcome.Lost,
        _ => OfflineOutcome.Unknown,
    };

    private static OfflineReason ToPublic(CommandFailure failure) => failure switch
    {
        CommandFailure.NoLeader => OfflineReason.NoLeader,
        CommandFailure.Candidate => OfflineReason.Candidate,
        CommandFailure.Unauthorized => OfflineReason.Unauthorized,
        CommandFailure.ForwardTimeout => OfflineReason.ForwardTimeout,
        CommandFailure.Overwritten => OfflineReason.Overwritten,
        _ => OfflineReason.LeadershipLost,
    };

    private async ValueTask<QueryResultAt<TResult>> AnswerAsync(
        TQuery query, StrongQueryCall call, CancellationToken cancellationToken)
    {
        var answer = await call.Result.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (answer.Outcome == QueryOutcome.Failed)
            throw answer.Error ?? new InvalidOperationException("The query failed.");
        if (answer.Outcome != QueryOutcome.Answered)
            throw new GroupQueryOfflineException<TQuery>(query, Leader is null ? OfflineReason.NoLeader : OfflineReason.QueryTimeout);
        return _instance.Machine.Results.TryDecode(answer.Result.Span, out var result)
            ? new QueryResultAt<TResult>(result, answer.Position)
            : throw new MosaikDecodeException($"the answer is no {typeof(TResult).Name}", 0);
    }

    private async IAsyncEnumerable<Divergence<TCommand>> ReadDivergencesAsync(
        DivergenceHub.Reader reader, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            while (await reader.NextAsync(cancellationToken).ConfigureAwait(false) is var (divergence, missed))
            {
                var lost = new List<TCommand>();
                foreach (var entry in divergence.Lost)
                {
                    if (_instance.Machine.Commands.TryDecode(entry.Bytes.Span, out var command))
                        lost.Add(command);
                }

                yield return new Divergence<TCommand>(divergence.From, divergence.To, divergence.Leader, lost, missed);
            }
        }
        finally
        {
            _driver.Divergences.Unsubscribe(reader);
        }
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
}
