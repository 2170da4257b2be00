using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>
/// What the owner of a <see cref="RaftCore"/> has to do after its inputs, in the order of the lists. Cleared by the owner.
/// </summary>
/// <remarks>
/// Divergences come first: whoever publishes the committed index publishes the way back before what is committed since.
/// </remarks>
internal sealed class RaftEffects
{
    /// <summary>Committed entries that were taken back.</summary>
    public List<RaftDivergence> Divergences { get; } = [];

    /// <summary>Frames to send; the order per receiver is kept. Whoever takes them owns one reference of each.</summary>
    public List<OutgoingFrame> Frames { get; } = [];

    /// <summary>Bonds to close, with the code. The core counts them as gone only after <see cref="RaftCore.BondDown"/>.</summary>
    public List<(PeerId Peer, CloseCode Code)> Closes { get; } = [];

    /// <summary>Submitted calls that ended.</summary>
    public List<CommandCompletion> Commands { get; } = [];

    /// <summary>Queries that ended.</summary>
    public List<QueryCompletion> Queries { get; } = [];

    /// <summary>What to log.</summary>
    public List<RaftEvent> Events { get; } = [];

    /// <summary>Why the group has to end; null = it goes on.</summary>
    public string? Termination { get; set; }

    /// <summary>Forgets everything; frames that nobody took are given back.</summary>
    public void Clear()
    {
        foreach (OutgoingFrame outgoing in Frames)
            outgoing.Frame.Release();
        Discard();
    }

    /// <summary>Forgets everything after the frames were taken.</summary>
    public void Discard()
    {
        Divergences.Clear();
        Frames.Clear();
        Closes.Clear();
        Commands.Clear();
        Queries.Clear();
        Events.Clear();
        Termination = null;
    }
}
