using CsCheck;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Paths;

public sealed class ConnectionIdsTests
{
    private static ConnectionId Id(ulong n) => ConnectionId.FromUInt64(0x1000 + n);

    private static byte[] Token(ulong n)
    {
        byte[] token = new byte[16];
        token[0] = (byte)n;
        token[15] = 0xaa;
        return token;
    }

    private static List<ulong> Write(LocalConnectionIds ids, int room = 1200)
    {
        var writer = new FrameWriter(new byte[room]);
        var sent = new SentFrameList();
        ids.WriteFrames(ref writer, ref sent);
        return Sequences(ref sent, SentFrameKind.NewConnectionId);
    }

    private static List<ulong> Write(RemoteConnectionIds ids, int room = 1200)
    {
        var writer = new FrameWriter(new byte[room]);
        var sent = new SentFrameList();
        ids.WriteFrames(ref writer, ref sent);
        return Sequences(ref sent, SentFrameKind.RetireConnectionId);
    }

    private static List<ulong> Sequences(ref SentFrameList sent, SentFrameKind kind)
    {
        var result = new List<ulong>();
        foreach (SentFrame frame in sent.AsSpan())
        {
            Assert.Equal(kind, frame.Kind);
            result.Add(frame.Id);
        }
        sent.Release();
        return result;
    }

    private static LocalConnectionIds Issued(ulong peerLimit)
    {
        var ids = new LocalConnectionIds(Id(0));
        ids.SetPeerLimit(peerLimit);
        while (ids.MissingCount > 0)
            ids.Add(Id((ulong)ids.Count), new StatelessResetToken(Token((ulong)ids.Count)));
        return ids;
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(4, 3)]
    [InlineData(5, 4)]
    [InlineData(12, 4)]
    [InlineData(ulong.MaxValue, 4)]
    public void Issues_the_smaller_of_the_peers_limit_and_five_less_one(ulong peerLimit, int issued)
    {
        Assert.Equal(0, new LocalConnectionIds(Id(0)).MissingCount);
        LocalConnectionIds ids = Issued(peerLimit);
        Assert.Equal(Enumerable.Range(1, issued).Select(n => (ulong)n), Write(ids));
        Assert.False(ids.HasPendingFrames);
        for (int i = 0; i <= issued; i++)
            Assert.True(ids.Contains(Id((ulong)i)));
        Assert.False(ids.Contains(Id(99)));
    }

    [Fact]
    public void The_frame_carries_id_and_token()
    {
        LocalConnectionIds ids = Issued(2);
        byte[] buffer = new byte[100];
        var writer = new FrameWriter(buffer);
        var sent = new SentFrameList();
        ids.WriteFrames(ref writer, ref sent);
        byte[] expected = [0x18, 1, 0, 8, .. Id(1).ToArray(), .. Token(1)];
        Assert.Equal(expected, writer.WrittenSpan.ToArray());
    }

    [Fact]
    public void A_retired_id_is_replaced_and_no_longer_routes()
    {
        LocalConnectionIds ids = Issued(5);
        Write(ids);
        Assert.Null(ids.OnRetired(2, Id(3), out ConnectionId? retired));
        Assert.Equal(Id(2), retired);
        Assert.False(ids.Contains(Id(2)));
        Assert.Equal(1, ids.MissingCount);
        Assert.Equal(5ul, ids.Add(Id(5), new StatelessResetToken(Token(5))));
        Assert.Equal([5ul], Write(ids));
        Assert.Null(ids.OnRetired(2, Id(3), out retired));      // repeated frame
        Assert.Null(retired);
        Assert.Equal(0, ids.MissingCount);
    }

    [Fact]
    public void Retiring_what_was_never_issued_or_is_in_use_is_a_protocol_violation()
    {
        LocalConnectionIds ids = Issued(5);
        Assert.Equal(QuicError.ProtocolViolation, ids.OnRetired(5, Id(0), out _));
        Assert.Equal(QuicError.ProtocolViolation, ids.OnRetired(ulong.MaxValue, Id(0), out _));
        Assert.Equal(QuicError.ProtocolViolation, ids.OnRetired(1, Id(1), out ConnectionId? retired));
        Assert.Null(retired);
        Assert.Throws<InvalidOperationException>(() => ids.Add(Id(9), default));
    }

    [Fact]
    public void A_lost_frame_is_sent_again_while_the_id_is_active()
    {
        LocalConnectionIds ids = Issued(4);
        Assert.Equal([1ul], Write(ids, room: 30));          // one frame has 28 bytes
        Assert.Equal([2ul, 3ul], Write(ids));
        ids.OnLost(2);
        ids.OnLost(2);
        ids.OnLost(0);
        ids.OnLost(77);
        Assert.Equal([2ul], Write(ids));
        ids.OnLost(3);
        Assert.Null(ids.OnRetired(3, Id(0), out _));
        Assert.False(ids.HasPendingFrames);
        ids.OnLost(3);
        Assert.Empty(Write(ids));
    }

    [Fact]
    public void Stores_up_to_five_ids_and_refuses_a_sixth()
    {
        var ids = new RemoteConnectionIds(Id(0));
        for (ulong n = 1; n < 5; n++)
            Assert.Null(ids.OnNewConnectionId(n, 0, Id(n), Token(n)));
        Assert.Equal(5, ids.Count);
        Assert.Equal(Id(0), ids.Current);
        Assert.Equal(QuicError.ConnectionIdLimitError, ids.OnNewConnectionId(5, 0, Id(5), Token(5)));
    }

    [Fact]
    public void Retire_prior_to_retires_before_the_limit_is_checked()
    {
        var ids = new RemoteConnectionIds(Id(0));
        for (ulong n = 1; n < 5; n++)
            Assert.Null(ids.OnNewConnectionId(n, 0, Id(n), Token(n)));
        Assert.Null(ids.OnNewConnectionId(5, 3, Id(5), Token(5)));
        Assert.Equal(Id(3), ids.Current);
        Assert.Equal(3ul, ids.CurrentSequence);
        Assert.Equal(3, ids.Count);
        Assert.Equal([0ul, 1ul, 2ul], Write(ids));
        Assert.Equal(3, ids.RetirementCount);
        ids.OnLost(1);
        Assert.Equal([1ul], Write(ids));
        foreach (ulong n in new ulong[] { 0, 1, 2, 2 })
            ids.OnAcknowledged(n);
        Assert.Equal(0, ids.RetirementCount);
    }

    [Fact]
    public void An_id_that_arrives_below_retire_prior_to_is_retired_at_once()
    {
        var ids = new RemoteConnectionIds(Id(0));
        Assert.Null(ids.OnNewConnectionId(4, 3, Id(4), Token(4)));
        Assert.Equal([0ul], Write(ids));
        Assert.Null(ids.OnNewConnectionId(2, 0, Id(2), Token(2)));
        Assert.Equal(Id(4), ids.Current);
        Assert.Equal([2ul], Write(ids));
        Assert.Null(ids.OnNewConnectionId(2, 0, Id(2), Token(2)));     // repeated before the retirement was acknowledged
        Assert.Empty(Write(ids));
        Assert.Equal(2, ids.RetirementCount);
    }

    [Fact]
    public void More_than_ten_unacknowledged_retirements_end_the_connection()
    {
        var ids = new RemoteConnectionIds(Id(0));
        for (ulong n = 1; n <= 10; n++)
        {
            Assert.Null(ids.OnNewConnectionId(n, n, Id(n), Token(n)));
            Write(ids);                                                // sent, never acknowledged
        }
        Assert.Equal(10, ids.RetirementCount);
        Assert.Equal(QuicError.ConnectionIdLimitError, ids.OnNewConnectionId(11, 11, Id(11), Token(11)));
    }

    [Fact]
    public void One_number_has_one_id_and_one_token()
    {
        var ids = new RemoteConnectionIds(Id(0));
        Assert.Null(ids.OnNewConnectionId(1, 0, Id(1), Token(1)));
        Assert.Null(ids.OnNewConnectionId(1, 0, Id(1), Token(1)));
        Assert.Equal(2, ids.Count);
        Assert.Equal(QuicError.ProtocolViolation, ids.OnNewConnectionId(1, 0, Id(2), Token(1)));
        Assert.Equal(QuicError.ProtocolViolation, ids.OnNewConnectionId(1, 0, Id(1), Token(2)));
        Assert.Equal(QuicError.ProtocolViolation, ids.OnNewConnectionId(2, 0, Id(1), Token(1)));
        Assert.Equal(QuicError.ProtocolViolation, ids.OnNewConnectionId(0, 0, Id(7), Token(7)));
    }

    [Fact]
    public void Malformed_and_misplaced_frames_are_refused()
    {
        var ids = new RemoteConnectionIds(Id(0));
        Assert.Equal(QuicError.FrameEncodingError, ids.OnNewConnectionId(1, 2, Id(1), Token(1)));
        Assert.Equal(QuicError.FrameEncodingError, ids.OnNewConnectionId(1, 0, ConnectionId.Empty, Token(1)));
        Assert.Equal(QuicError.FrameEncodingError, ids.OnNewConnectionId(1, 0, Id(1), new byte[15]));
        var empty = new RemoteConnectionIds(ConnectionId.Empty);
        Assert.Equal(QuicError.ProtocolViolation, empty.OnNewConnectionId(1, 0, Id(1), Token(1)));
    }

    [Fact]
    public void Switching_uses_the_next_id_and_retires_the_old_one()
    {
        var ids = new RemoteConnectionIds(Id(0));
        Assert.False(ids.TrySwitch());
        ids.OnNewConnectionId(2, 0, Id(2), Token(2));
        Assert.True(ids.TrySwitch());
        Assert.Equal(Id(2), ids.Current);
        Assert.Equal([0ul], Write(ids));
        Assert.Null(ids.OnNewConnectionId(1, 0, Id(1), Token(1)));     // below the one in use
        Assert.Equal([1ul], Write(ids));
        Assert.Equal(1, ids.Count);
    }

    [Fact]
    public void The_reset_token_is_that_of_the_id_in_use()
    {
        var ids = new RemoteConnectionIds(Id(0));
        byte[] datagram = new byte[40];
        Assert.False(ids.IsStatelessReset(datagram));
        ids.SetInitial(Id(8));
        ids.SetInitialResetToken(Token(8));
        Token(8).CopyTo(datagram.AsSpan(24));
        Assert.True(ids.IsStatelessReset(datagram));
        Assert.False(ids.IsStatelessReset(datagram.AsSpan(0, 39)));
        Assert.False(ids.IsStatelessReset(datagram.AsSpan(30)));
        ids.OnNewConnectionId(1, 1, Id(1), Token(1));
        Assert.False(ids.IsStatelessReset(datagram));
        Token(1).CopyTo(datagram.AsSpan(24));
        Assert.True(ids.IsStatelessReset(datagram));
        Assert.Throws<InvalidOperationException>(() => ids.SetInitial(Id(3)));
    }

    /// <summary>Whatever a peer sends: bounded state, or one of the three errors.</summary>
    [Fact]
    public void Random_frames_keep_the_store_bounded()
    {
        Gen.Select(Gen.ULong[0, 30], Gen.ULong[0, 30], Gen.Int[0, 9]).Array[1, 100].Sample(script =>
        {
            var ids = new RemoteConnectionIds(Id(0));
            foreach ((ulong sequence, ulong retirePriorTo, int action) in script)
            {
                switch (action)
                {
                    case 0:
                        ids.TrySwitch();
                        break;
                    case < 3:
                        foreach (ulong n in Write(ids))
                        {
                            if ((n + sequence) % 3 == 0)
                                ids.OnLost(n);
                            else
                                ids.OnAcknowledged(n);
                        }
                        break;
                    default:
                        QuicError? error = ids.OnNewConnectionId(sequence, retirePriorTo % 4 == 0 ? retirePriorTo : 0, Id(sequence), Token(sequence));
                        if (error == QuicError.ConnectionIdLimitError)
                            return ids.Count > 5 || ids.RetirementCount > 10;
                        if (error is not null && error != QuicError.FrameEncodingError)
                            return false;
                        break;
                }
                if (ids.Count is < 1 or > 5 || ids.RetirementCount > 10)
                    return false;
            }
            return true;
        }, iter: 500);
    }
}
