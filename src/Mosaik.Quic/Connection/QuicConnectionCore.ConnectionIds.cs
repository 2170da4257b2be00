using Mosaik.Quic.Paths;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Connection;

// Ids of both sides and the peer's stateless reset token (RFC 9000 §5.1, §10.3).
internal sealed partial class QuicConnectionCore
{
    private readonly ConnectionId _originalDestination;
    private readonly ConnectionId _localInitialId;
    private readonly LocalConnectionIds _localIds;
    private readonly RemoteConnectionIds _remoteIds;
    private bool _peerIdKnown;
    private ConnectionId _peerInitialId;
    private ConnectionId _packetDestination;        // of the packet being processed
    private ConnectionId _lastPeerChoice;           // the one of our ids the peer used last
    private StatelessResetToken? _registeredToken;

    /// <summary>The destination id of the client's very first Initial.</summary>
    public ConnectionId OriginalDestination => _originalDestination;

    /// <summary>Our ids, for the endpoint's bookkeeping and tests.</summary>
    public LocalConnectionIds LocalIds => _localIds;

    /// <summary>The peer's ids, for tests.</summary>
    public RemoteConnectionIds RemoteIds => _remoteIds;

    /// <summary>Our first id.</summary>
    public ConnectionId LocalInitialId => _localInitialId;

    private void IssueConnectionIds()
    {
        // Set by the transport parameters, without which no handshake completes.
        _localIds.SetPeerLimit(_peerParameters?.ActiveConnectionIdLimit ?? 1);
        while (_localIds.MissingCount > 0)
        {
            ulong id = _owner.IssueConnectionId(this);
            _localIds.Add(ConnectionId.FromUInt64(id), _owner.GetResetToken(id));
        }
    }

    private QuicError? OnNewConnectionId(in Frame frame, out string reason)
    {
        reason = "connection ids";
        QuicError? error = _remoteIds.OnNewConnectionId(
            frame.SequenceNumber, frame.RetirePriorTo, frame.ConnectionId, frame.StatelessResetToken);
        if (error is null)
            RegisterPeerToken();
        return error;
    }

    private QuicError? OnRetireConnectionId(in Frame frame, out string reason)
    {
        reason = "retired connection id";
        QuicError? error = _localIds.OnRetired(frame.SequenceNumber, _packetDestination, out ConnectionId? retired);
        if (retired is { } id)
        {
            _owner.RetireConnectionId(id.AsUInt64);
            IssueConnectionIds();
        }
        return error;
    }

    /// <summary>
    /// Tells the endpoint which token resets this connection: the one of the id in use (RFC 9000 §10.3.1).
    /// </summary>
    private void RegisterPeerToken()
    {
        StatelessResetToken? token = _remoteIds.CurrentResetToken;
        if (token is { } current && _registeredToken is { } registered && current.Equals(registered))
            return;
        UnregisterPeerToken();
        if (token is not { } added)
            return;
        _registeredToken = added;
        _owner.AddPeerResetToken(this, added);
    }

    private void UnregisterPeerToken()
    {
        if (_registeredToken is { } old)
            _owner.RemovePeerResetToken(this, old);
        _registeredToken = null;
    }

    private void WriteConnectionIdFrames(ref FrameWriter writer, ref SentFrameList frames)
    {
        if (_localIds.HasPendingFrames)
            _localIds.WriteFrames(ref writer, ref frames);
        if (_remoteIds.HasPendingFrames)
            _remoteIds.WriteFrames(ref writer, ref frames);
    }
}
