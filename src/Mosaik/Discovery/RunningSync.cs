using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>An outbound sync of a <see cref="SyncTable"/> that runs.</summary>
internal sealed class RunningSync(long id, PeerId peer, SyncKind kind)
{
    public long Id { get; } = id;

    public PeerId Peer { get; } = peer;

    public SyncKind Kind { get; } = kind;

    /// <summary>Whether it is one of those that are limited together, and whose failure is tried again.</summary>
    public bool IsBackground { get; set; }

    /// <summary>Whether it has brought somebody new.</summary>
    public bool BroughtNews { get; set; }

    /// <summary>Whether its snapshot is on its way: what is learnt from now on is not in it.</summary>
    public bool IsSent { get; set; }
}
