using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Mosaik.Groups.Raft;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// A user's state machine between the encoded world of the core and its own types: a command is decoded once, right before
/// it is applied.
/// </summary>
/// <remarks>Used by the group's loop only, but for the codecs, which handles use from any thread.</remarks>
internal sealed class GroupMachine<TCommand, TQuery, TResult> : IRaftMachine
{
    private readonly Func<IStateMachine<TCommand, TQuery, TResult>>? _factory;
    private IStateMachine<TCommand, TQuery, TResult> _machine;
    private TCommand[] _batch = [];

    public GroupMachine(
        IStateMachine<TCommand, TQuery, TResult> machine, Func<IStateMachine<TCommand, TQuery, TResult>>? factory)
    {
        _machine = machine;
        _factory = factory;
        Commands = machine.CommandCodec ?? new PostcardDatumCodec<TCommand>();
        Queries = machine.QueryCodec ?? new PostcardDatumCodec<TQuery>();
        Results = machine.ResultCodec ?? new PostcardDatumCodec<TResult>();
    }

    public IDatumCodec<TCommand> Commands { get; }

    public IDatumCodec<TQuery> Queries { get; }

    public IDatumCodec<TResult> Results { get; }

    /// <summary>Set when the group's id is known.</summary>
    public GroupId GroupId { get; set; }

    /// <summary>As above.</summary>
    public NetworkId NetworkId { get; set; }

    /// <inheritdoc/>
    public LeadershipPreference Preference => _machine.Preference;

    /// <summary>The type of the user's machine.</summary>
    public Type MachineType => _machine.GetType();

    /// <summary>Answers a query of this node without a detour through bytes.</summary>
    public TResult Query(TQuery query) => _machine.Query(query);

    /// <inheritdoc/>
    public void ApplyBatch(ReadOnlySpan<ReadOnlyMemory<byte>> commands, in RaftApplyContext context)
    {
        if (_batch.Length < commands.Length)
            _batch = new TCommand[Math.Max(commands.Length, 2 * _batch.Length)];
        for (var i = 0; i < commands.Length; i++)
        {
            if (!Commands.TryDecode(commands[i].Span, out _batch[i]!)) // false leaves it unused
                throw new MosaikDecodeException(
                    $"The committed command {context.Committed.Index.Value + 1 + (ulong)i} is no {typeof(TCommand).Name}", 0);
        }

        _machine.ApplyBatch(
            _batch.AsSpan(0, commands.Length),
            new ApplyContext(GroupId, NetworkId, context.Committed, context.Term, context.LogPosition));
        Array.Clear(_batch, 0, commands.Length);
    }

    /// <inheritdoc/>
    public bool TryReset()
    {
        if (_factory is not null)
        {
            var fresh = _factory();
            if (ReferenceEquals(fresh, _machine) || fresh is null)
                return false; // the same instance has the old state
            _machine = fresh;
            return true;
        }

        if (_machine is not IResettable resettable)
            return false;
        resettable.Reset();
        return true;
    }

    /// <inheritdoc/>
    public bool TryQuery(ReadOnlyMemory<byte> query, out ReadOnlyMemory<byte> result, out Exception? error)
    {
        result = default;
        error = null;
        try
        {
            if (!Queries.TryDecode(query.Span, out var decoded))
            {
                error = new MosaikDecodeException($"not a {typeof(TQuery).Name}", 0);
                return false;
            }

            var bytes = new ArrayBufferWriter<byte>();
            Results.Encode(_machine.Query(decoded), bytes);
            result = bytes.WrittenMemory;
            return true;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            error = failure;
            return false;
        }
    }

    /// <inheritdoc/>
    [SuppressMessage("Design", "CA1031", Justification = "user code; a check that fails says no")]
    public bool IsWellFormed(ReadOnlySpan<byte> command)
    {
        try
        {
            // Decoded here too: an entry nobody can decode would end the group on every member.
            return _machine.IsWellFormed(command) && Commands.TryDecode(command, out _);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            return false;
        }
    }
}
