using Microsoft.Extensions.Time.Testing;
using Mosaik.Networking;

namespace Mosaik.Tests.Networking;

/// <summary>Rings no later than it was set for, and not more often than it has to.</summary>
public sealed class AlarmTests : IAsyncDisposable
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly Alarm _alarm;
    private int _rings;

    public AlarmTests() => _alarm = new Alarm(_time, () => _rings++);

    public ValueTask DisposeAsync() => _alarm.DisposeAsync();

    [Fact]
    public void Rings_at_the_earliest_of_its_times_and_not_again_unless_it_is_set()
    {
        _alarm.Set(5 * Second, TimeSpan.Zero);
        _alarm.Set(2 * Second, TimeSpan.Zero);
        _alarm.Set(3 * Second, TimeSpan.Zero);
        _time.Advance(1.999 * Second);
        Assert.Equal(0, _rings);
        _time.Advance(0.001 * Second);
        Assert.Equal(1, _rings);
        _time.Advance(60 * Second);
        Assert.Equal(1, _rings);
        _alarm.Set(63 * Second, 62 * Second);
        _time.Advance(Second);
        Assert.Equal(2, _rings);
    }

    [Fact]
    public void A_part_of_a_millisecond_is_a_whole_one_and_what_is_overdue_rings_at_once()
    {
        _alarm.Set(TimeSpan.FromMicroseconds(1), TimeSpan.Zero);
        _time.Advance(TimeSpan.FromMilliseconds(0.999));
        Assert.Equal(0, _rings);
        _time.Advance(TimeSpan.FromMilliseconds(0.001));
        Assert.Equal(1, _rings);
        _alarm.Set(TimeSpan.Zero, Second);
        _time.Advance(TimeSpan.Zero);
        Assert.Equal(2, _rings);
    }
}
