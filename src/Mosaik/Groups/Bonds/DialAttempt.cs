using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups.Bonds;

/// <summary>One dial in flight, to be ended from outside with a code.</summary>
internal sealed class DialAttempt(PeerId peer, long number) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private Link? _link;
    private CloseCode? _abortedWith;

    public PeerId Peer => peer;

    public long Number => number;

    public CancellationToken Token => _stop.Token;

    /// <summary>The link that was opened. False if the dial was aborted meanwhile; the link is closed then.</summary>
    public bool TryAttach(Link link)
    {
        lock (_lock)
        {
            if (_abortedWith is null)
            {
                _link = link;
                return true;
            }
        }

        link.Abort(_abortedWith.Value);
        return false;
    }

    /// <summary>The dial is over: its link is nobody's or a bond's now.</summary>
    public void Detach()
    {
        lock (_lock)
            _link = null;
    }

    /// <summary>Ends the dial.</summary>
    public void Abort(CloseCode code)
    {
        Link? link;
        lock (_lock)
        {
            if (_abortedWith is not null)
                return;
            _abortedWith = code;
            link = _link;
        }

        link?.Abort(code); // before the token, which would close with 102
        _stop.Cancel();
    }

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();
}
