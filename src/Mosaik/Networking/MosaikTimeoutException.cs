using System.Globalization;
using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>A configured deadline expired. Never raised for a cancelled token.</summary>
public sealed class MosaikTimeoutException : MosaikException
{
    internal MosaikTimeoutException(string phase, PeerId? peer, TimeSpan limit, Exception? innerException = null)
        : base(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{phase}{(peer is { } id ? $" with {id:S}" : "")} took longer than {limit.TotalSeconds:0.###} s."),
            innerException)
    {
        Phase = phase;
        Peer = peer;
        Limit = limit;
    }

    /// <summary>What took too long, in words.</summary>
    public string Phase { get; }

    /// <summary>The peer that was waited for, if it was one.</summary>
    public PeerId? Peer { get; }

    /// <summary>The configured limit that was reached.</summary>
    public TimeSpan Limit { get; }

    /// <inheritdoc/>
    public override bool IsTransient => true;
}
