using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>When rules are looked at again (spec/streams.md §4.6, §8.2).</summary>
public sealed class ReevaluationCoreTests
{
    private readonly ReevaluationCore<string> _core = new();

    [Fact]
    public void Nothing_is_due_for_whom_nobody_judged()
    {
        _core.Mark("a");
        _core.OnRttChanged("a");
        _core.MarkAll();
        Assert.Null(_core.NextDue);
        Assert.False(_core.TryTakeDue(Seconds(1000), out _));
    }

    [Fact]
    public void A_mark_is_due_at_once_and_once()
    {
        _core.Judged("a", Seconds(5), askedForRtt: false, expiresAt: null);
        Assert.Null(_core.NextDue);
        _core.Mark("a");
        _core.Mark("a");
        Assert.Equal(["a"], Due(5));
        Assert.Empty(Due(5));
        _core.Mark("a");
        _core.Judged("a", Seconds(6), false, null); // settled by another cause
        Assert.Empty(Due(6));
        _core.Mark("a");
        Assert.Equal(["a"], Due(6));
    }

    [Fact]
    public void A_changed_round_trip_time_is_due_once_per_second_for_whom_it_matters()
    {
        _core.Judged("a", Seconds(5), askedForRtt: true, expiresAt: null);
        _core.Judged("b", Seconds(5), askedForRtt: false, expiresAt: null);
        _core.OnRttChanged("a");
        _core.OnRttChanged("a");
        _core.OnRttChanged("b");
        Assert.Equal(Seconds(6), _core.NextDue);
        Assert.Empty(Due(5.9));
        Assert.Equal(["a"], Due(6));
        Assert.Null(_core.NextDue);
        _core.Judged("a", Seconds(100), true, null);
        _core.OnRttChanged("a");
        Assert.Equal(Seconds(101), _core.NextDue);
    }

    [Fact]
    public void A_ticket_is_due_when_it_ends_and_a_new_one_takes_its_place()
    {
        _core.Judged("a", Seconds(0), false, Seconds(60));
        _core.Judged("b", Seconds(0), true, Seconds(30));
        _core.OnRttChanged("b"); // comes first
        Assert.Equal(Seconds(1), _core.NextDue);
        Assert.Equal(["b"], Due(1));
        _core.Judged("b", Seconds(1), true, Seconds(30));
        _core.Judged("a", Seconds(2), false, Seconds(90));
        Assert.Equal(["b"], Due(60));
        Assert.Equal(["a"], Due(90));
        _core.Judged("a", Seconds(90), false, Seconds(95));
        _core.Forget("a");
        Assert.Null(_core.NextDue);
        Assert.Empty(Due(100));
    }

    [Fact]
    public void All_can_be_marked()
    {
        foreach (var key in (string[])["a", "b", "c"])
            _core.Judged(key, Seconds(0), false, null);
        _core.MarkAll();
        _core.Forget("b");
        Assert.Equal(["a", "c"], Due(0).Order());
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private List<string> Due(double now)
    {
        List<string> due = [];
        while (_core.TryTakeDue(Seconds(now), out var key))
            due.Add(key);
        return due;
    }
}
