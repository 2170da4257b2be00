using System.Net;
using Mosaik.Quic.Congestion;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Tests.Recovery;

namespace Mosaik.Quic.Tests.Paths;

public sealed class PathTests
{
    private static readonly TimeSpan T0 = TimeSpan.FromSeconds(50);

    private static TimeSpan Ms(double ms) => TimeSpan.FromMilliseconds(ms);

    private static PathAddress Address(int port, string ip = "192.0.2.1") => new(new IPEndPoint(IPAddress.Parse(ip), port));

    private static PathState Path(bool validated = false, ulong seed = 1) =>
        new(Address(1000), validated, new TestRandom(seed), new RttEstimator(), new NewReno());

    [Fact]
    public void Addresses_are_equal_by_remote_and_canonical()
    {
        PathAddress v4 = Address(4433, "198.51.100.7");
        var mapped = new PathAddress(new IPEndPoint(IPAddress.Parse("::ffff:198.51.100.7"), 4433), IPAddress.Parse("::ffff:10.0.0.1"));
        Assert.Equal(v4, mapped);
        Assert.True(v4 == mapped);
        Assert.Equal(v4.GetHashCode(), mapped.GetHashCode());
        Assert.Equal(IPAddress.Parse("10.0.0.1"), mapped.Local);
        Assert.Equal("198.51.100.7:4433", mapped.ToString());
        Assert.NotEqual(v4, Address(4434, "198.51.100.7"));
        Assert.NotEqual(v4, Address(4433, "198.51.100.8"));
        Assert.True(v4.HasSameHost(Address(1, "198.51.100.7")));
        Assert.False(v4.HasSameHost(Address(4433, "198.51.100.8")));
        Assert.Equal(default, default(PathAddress));
        Assert.NotEqual(v4, default);
    }

    [Fact]
    public void Comparing_addresses_allocates_nothing()
    {
        PathAddress a = Address(4433), b = Address(4433), c = Address(4433, "2001:db8::1"), d = Address(4433, "2001:db8::1");
        bool equal = a == b && c == d;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            equal &= a == b && c == d && a != c;
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(equal);
        Assert.Equal(0, allocated);
    }

    [Fact]
    public void Sends_three_times_what_it_received_until_validated()
    {
        PathState path = Path();
        Assert.Equal(0, path.SendAllowance);
        Assert.True(path.IsAmplificationLimited);
        path.OnDatagramReceived(1200);
        Assert.Equal(3600, path.SendAllowance);
        path.OnDatagramSent(1200);
        path.OnDatagramSent(1200);
        Assert.False(path.IsAmplificationLimited);
        path.OnDatagramSent(1);
        Assert.Equal(1199, path.SendAllowance);
        Assert.True(path.IsAmplificationLimited);
        path.OnDatagramSent(1200);
        Assert.Equal(0, path.SendAllowance);
        path.OnDatagramReceived(100);
        Assert.Equal(299, path.SendAllowance);
        path.OnPeerAddressValidated();
        Assert.Equal(long.MaxValue, path.SendAllowance);
        Assert.False(path.IsAmplificationLimited);
    }

    [Fact]
    public void A_challenge_is_answered_with_its_own_data_only()
    {
        PathState path = Path();
        Assert.False(path.TryTakeChallenge(out _));
        path.BeginValidation(T0, Ms(300));
        Assert.True(path.HasChallenge);
        Assert.True(path.TryTakeChallenge(out ulong data));
        Assert.False(path.TryTakeChallenge(out _));
        Assert.False(path.OnPathResponse(data + 1));
        Assert.False(path.OnPathResponse(0));
        Assert.False(path.IsValidated);
        Assert.True(path.OnPathResponse(data));
        Assert.True(path.IsValidated);
        Assert.Null(path.NextTimeout);
        Assert.False(path.OnPathResponse(data));
    }

    [Fact]
    public void Challenges_are_repeated_with_new_data_and_given_up_after_three_timeouts()
    {
        PathState path = Path();
        path.BeginValidation(T0, Ms(300));              // at least 999 ms
        var data = new List<ulong>();
        for (int i = 1; i <= 3; i++)
        {
            Assert.True(path.TryTakeChallenge(out ulong value));
            data.Add(value);
            Assert.Equal(T0 + Ms(999 * i), path.NextTimeout);
            path.OnTimeout(T0 + Ms(999 * i - 1));
            Assert.False(path.HasChallenge);
            if (i < 3)
                path.OnTimeout(T0 + Ms(999 * i));
        }
        Assert.Equal(3, data.Distinct().Count());
        Assert.False(path.ValidationFailed);
        path.OnTimeout(T0 + Ms(999 * 3));
        Assert.True(path.ValidationFailed);
        Assert.False(path.IsValidating);
        Assert.False(path.OnPathResponse(data[2]));
        path.BeginValidation(T0 + Ms(5000), Ms(2000));  // slower than the default
        Assert.False(path.ValidationFailed);
        Assert.Equal(T0 + Ms(7000), path.NextTimeout);
    }

    [Fact]
    public void The_answer_to_an_earlier_challenge_counts()
    {
        PathState path = Path();
        path.BeginValidation(T0, Ms(300));
        Assert.True(path.TryTakeChallenge(out ulong first));
        path.OnTimeout(T0 + Ms(999));
        Assert.True(path.TryTakeChallenge(out _));
        Assert.True(path.OnPathResponse(first));
    }

    [Fact]
    public void Of_many_challenges_received_the_newest_is_answered_where_it_came_from()
    {
        PathState path = Path(validated: true);
        for (ulong i = 0; i < 1000; i++)
            path.OnPathChallenge(Address((int)i + 1), i);
        Assert.True(path.HasResponse);
        Assert.True(path.TryTakeResponse(out PathAddress to, out ulong data));
        Assert.Equal(999ul, data);
        Assert.Equal(Address(1000), to);
        Assert.False(path.TryTakeResponse(out _, out _));
    }

    private static PathMigration Migration() =>
        new(Path(validated: true), new TestRandom(2), size => new NewReno(size));

    [Fact]
    public void A_new_address_is_used_at_once_and_challenged()
    {
        PathMigration migration = Migration();
        PathState old = migration.Current;
        Assert.False(migration.TryMigrate(T0, Address(1000), Ms(300)));
        Assert.True(migration.TryMigrate(T0, Address(1000, "203.0.113.9"), Ms(300)));
        PathState current = migration.Current;
        Assert.Equal(Address(1000, "203.0.113.9"), current.Address);
        Assert.Same(old, migration.Fallback);
        Assert.NotSame(old.Rtt, current.Rtt);
        Assert.NotSame(old.Congestion, current.Congestion);
        Assert.Equal(0, current.SendAllowance);
        Assert.True(current.TryTakeChallenge(out ulong data));
        Assert.False(migration.OnPathResponse(data ^ 1));
        Assert.True(migration.OnPathResponse(data));
        Assert.Null(migration.Fallback);
        Assert.True(migration.Current.IsValidated);
        Assert.Equal(PathId.Zero, migration.Current.Id);
    }

    [Fact]
    public void A_new_port_of_the_same_host_keeps_rtt_and_window()
    {
        PathMigration migration = Migration();
        PathState old = migration.Current;
        Assert.True(migration.TryMigrate(T0, Address(2000), Ms(300)));
        Assert.Same(old.Rtt, migration.Current.Rtt);
        Assert.Same(old.Congestion, migration.Current.Congestion);
        Assert.False(migration.Current.IsValidated);
    }

    [Fact]
    public void Without_an_answer_the_old_path_is_used_again()
    {
        PathMigration migration = Migration();
        PathState old = migration.Current;
        migration.TryMigrate(T0, Address(2000), Ms(300));
        Assert.False(migration.OnTimeout(T0 + Ms(999)));
        Assert.True(migration.OnTimeout(T0 + Ms(2997)));
        Assert.Same(old, migration.Current);
        Assert.Null(migration.Fallback);
        Assert.False(migration.OnTimeout(T0 + Ms(9999)));
    }

    [Fact]
    public void A_packet_from_the_old_address_returns_to_it()
    {
        PathMigration migration = Migration();
        PathState old = migration.Current;
        migration.TryMigrate(T0, Address(2000), Ms(300));
        Assert.True(migration.TryMigrate(T0, Address(1000), Ms(300)));
        Assert.Same(old, migration.Current);
    }

    [Fact]
    public void One_validation_runs_at_a_time()
    {
        PathMigration migration = Migration();
        Assert.True(migration.TryMigrate(T0, Address(2000), Ms(300)));
        Assert.False(migration.TryMigrate(T0 + Ms(500), Address(3000), Ms(300)));
        Assert.Equal(Address(2000), migration.Current.Address);
    }

    [Fact]
    public void Four_changes_per_second_are_considered()
    {
        PathMigration migration = Migration();
        for (int i = 0; i < 4; i++)
            Assert.True(migration.TryMigrate(T0, Address(i % 2 == 0 ? 2000 : 1000), Ms(300)));
        Assert.False(migration.TryMigrate(T0 + Ms(999), Address(2000), Ms(300)));
        Assert.True(migration.TryMigrate(T0 + Ms(1000), Address(2000), Ms(300)));
    }
}
