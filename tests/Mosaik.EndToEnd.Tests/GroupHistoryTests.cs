namespace Mosaik.EndToEnd.Tests;

/// <summary>The judge of <see cref="KilledLeaderTests"/> finds what is wrong.</summary>
public sealed class GroupHistoryTests
{
    private readonly GroupHistory _history = new();

    public GroupHistoryTests()
    {
        Write("a", 1, 2);
        Write("b", 3, 6);
        Write("c", 4, 5);
    }

    [Fact]
    public void Overlapping_writes_may_have_any_order()
    {
        _history.Read(1, 3, 4);
        _history.Read(3, 7, 8);
        Assert.Empty(_history.Violations(["a", "b", "c"]));
        Assert.Empty(_history.Violations(["a", "c", "b"]));
    }

    [Fact]
    public void A_lost_write_is_found() => Assert.Equal(["c was acknowledged and is lost"], _history.Violations(["a", "b"]));

    [Fact]
    public void A_write_before_one_that_had_ended_is_found() => Assert.Single(_history.Violations(["b", "a", "c"]));

    [Fact]
    public void A_write_executed_twice_is_found() => Assert.Single(_history.Violations(["a", "b", "c", "a"]));

    [Fact]
    public void A_refused_write_that_was_executed_is_found()
    {
        _history.Tried("d", 7);
        _history.WasRefused("d");
        Assert.Single(_history.Violations(["a", "b", "c", "d"]));
        Assert.Empty(_history.Violations(["a", "b", "c"]));
    }

    [Fact]
    public void A_write_without_answer_may_be_executed_or_not_but_not_before_it_began()
    {
        _history.Tried("d", 7);
        Assert.Empty(_history.Violations(["a", "b", "c"]));
        Assert.Empty(_history.Violations(["a", "b", "c", "d"]));
        Assert.Single(_history.Violations(["a", "b", "d", "c"]));
    }

    [Fact]
    public void A_stale_read_is_found()
    {
        _history.Read(2, 7, 8);
        Assert.Single(_history.Violations(["a", "b", "c"]));
    }

    [Fact]
    public void A_read_of_the_future_is_found()
    {
        _history.Read(2, 1, 2);
        Assert.NotEmpty(_history.Violations(["a", "b", "c"]));
    }

    [Fact]
    public void Reads_that_go_back_are_found()
    {
        _history.Read(3, 4, 5);
        _history.Read(2, 6, 7);
        Assert.NotEmpty(_history.Violations(["a", "b", "c"]));
    }

    private void Write(string text, long start, long end)
    {
        _history.Tried(text, start);
        _history.WasAcknowledged(text, end);
    }
}
