using Mosaik.Discovery.Gossip.Protocol;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>The order of entries by their age, and that what is gone leaves nothing behind.</summary>
public sealed class AgedMapTests
{
    private readonly AgedMap<int, string> _map = new();

    [Fact]
    public void What_is_put_in_again_is_the_youngest()
    {
        for (int i = 0; i < 3; i++)
            _map.Put(i, $"{i}", TimeSpan.FromSeconds(i));
        _map.Put(0, "again", TimeSpan.FromSeconds(3));
        Assert.Equal(3, _map.Count);
        Assert.True(_map.TryPeekOldest(out int oldest, out TimeSpan since));
        Assert.Equal((1, TimeSpan.FromSeconds(1)), (oldest, since));
        Assert.Equal([1, 2, 0], _map.Entries.Select(static e => e.Key));
        _map.RemoveOlderThan(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4));
        Assert.Equal([0], _map.Entries.Select(static e => e.Key));
        Assert.True(_map.TryGet(0, out string? value));
        Assert.Equal("again", value);
    }

    [Fact]
    public void What_was_removed_comes_back_in_its_new_place_alone()
    {
        _map.Put(1, "first", default);
        _map.Put(2, "other", default);
        Assert.True(_map.Remove(1, out string? gone));
        Assert.Equal("first", gone);
        Assert.False(_map.Remove(1, out _));
        _map.Put(1, "second", TimeSpan.FromSeconds(1));
        Assert.Equal([2, 1], _map.Entries.Select(static e => e.Key));
    }

    [Fact]
    public void Places_left_behind_are_swept()
    {
        for (int i = 0; i < 1000; i++)
        {
            _map.Put(i % 10, "", default);
            _map.Put(1000 + i, "", default);
            _map.Remove(1000 + i, out _);
        }

        Assert.Equal(10, _map.Count);
        Assert.InRange(_map.Places, 10, 40);
        _map.RemoveOlderThan(TimeSpan.Zero, default);
        Assert.False(_map.TryPeekOldest(out _, out _));
        Assert.Equal(0, _map.Places);
    }
}
