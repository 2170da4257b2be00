namespace Mosaik.Groups.Raft;

/// <summary>The state machine as the core sees it: encoded bytes in, encoded bytes out. Called by the core's owner only.</summary>
internal interface IRaftMachine
{
    /// <summary>How much this node wants to lead; read whenever a timer is armed or a vote is answered.</summary>
    LeadershipPreference Preference { get; }

    /// <summary>
    /// Applies committed commands of one term, in order. The k-th, counted from 0, has the index
    /// <c>context.Committed.Index + 1 + k</c>. An exception ends the group.
    /// </summary>
    /// <param name="commands">The encoded commands; valid as long as anybody keeps them.</param>
    /// <param name="context">Where in the log they are.</param>
    void ApplyBatch(ReadOnlySpan<ReadOnlyMemory<byte>> commands, in RaftApplyContext context);

    /// <summary>Goes back to the initial state; false when the machine cannot.</summary>
    bool TryReset();

    /// <summary>Answers a query from the state as it is.</summary>
    /// <param name="query">The encoded query.</param>
    /// <param name="result">The encoded result.</param>
    /// <param name="error">What the machine threw, or why the query or its result has no encoding.</param>
    /// <returns>Whether there is a result.</returns>
    bool TryQuery(ReadOnlyMemory<byte> query, out ReadOnlyMemory<byte> result, out Exception? error);

    /// <summary>Whether a command of another member may enter the log. Cheap; never throws.</summary>
    bool IsWellFormed(ReadOnlySpan<byte> command);
}
