using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// What a group replicates: every member applies the same commands in the same order to its own instance (spec/groups.md §10).
/// </summary>
/// <remarks>
/// <para>Applying must be deterministic: no clock, randomness, culture, order of hash tables or floating point, nothing but
/// state, command, and the members of the context that are equal on all nodes. An exception ends the group on this node.</para>
/// <para>Apply and query are called by the group's loop, never concurrently; while they run the group does nothing else.</para>
/// </remarks>
/// <typeparam name="TCommand">What changes the state: any type with a shape, or with a codec of its own.</typeparam>
/// <typeparam name="TQuery">A question.</typeparam>
/// <typeparam name="TResult">The answer.</typeparam>
public interface IStateMachine<TCommand, TQuery, TResult>
{
    /// <summary>
    /// Identity of the machine, part of the group's id. Change it whenever the meaning of commands changes. Read at join.
    /// </summary>
    UniqueId Signature { get; }

    /// <summary>How members that lag behind catch up. Read at join; default log replay.</summary>
    IStateSync StateSync => new LogReplaySync(GetType());

    /// <summary>How much this node wants to lead. Read again and again; may change.</summary>
    LeadershipPreference Preference => LeadershipPreference.Normal;

    /// <summary>Whether plain (Rust) members are refused. Read at join.</summary>
    bool RequiresExtendedPeers => false;

    /// <summary>How commands become bytes; null = postcard through the shape. Read at join.</summary>
    IDatumCodec<TCommand>? CommandCodec => null;

    /// <summary>How queries become bytes; null = postcard through the shape. Read at join.</summary>
    IDatumCodec<TQuery>? QueryCodec => null;

    /// <summary>How results become bytes; null = postcard through the shape. Read at join.</summary>
    IDatumCodec<TResult>? ResultCodec => null;

    /// <summary>Applies a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="context">Where it is in the log.</param>
    void Apply(TCommand command, in ApplyContext context);

    /// <summary>
    /// Applies commands of one term in order. Where a batch ends differs from node to node and must not influence state.
    /// </summary>
    /// <param name="commands">The commands.</param>
    /// <param name="context">Where the first of them is.</param>
    void ApplyBatch(ReadOnlySpan<TCommand> commands, in ApplyContext context)
    {
        for (var i = 0; i < commands.Length; i++)
            Apply(commands[i], context.After(i));
    }

    /// <summary>Answers a question from the state as it is, without changing it.</summary>
    /// <param name="query">The question.</param>
    /// <returns>The answer.</returns>
    TResult Query(TQuery query);

    /// <summary>
    /// A check of what another member wants to append, in addition to its being decodable; false closes the bond with that
    /// member. Cheap; called by the leader only.
    /// </summary>
    /// <param name="command">The encoded command.</param>
    /// <returns>Whether it may enter the log.</returns>
    bool IsWellFormed(ReadOnlySpan<byte> command) => true;
}
