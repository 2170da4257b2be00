using Mosaik.Groups;

namespace Mosaik.Tests.Groups.Raft;

/// <summary>spec/groups.md §9 and §18.1; names as in Rust.</summary>
public sealed class LogStoreTests
{
    private readonly InMemoryLogStore _store = new();

    [Fact]
    public void Prune_prefix_basic()
    {
        Fill(5);
        _store.PrunePrefix(At(2));
        Assert.Equal(LogRange.Of(2, 5), _store.Available);
        Assert.False(_store.TryGet(At(1), out _));
        Assert.False(_store.TryGet(At(2), out _));
        for (ulong i = 3; i <= 5; i++)
            AssertEntry(i);
    }

    [Fact]
    public void Prune_prefix_last_unchanged()
    {
        Fill(5);
        LogCursor before = _store.Last;
        _store.PrunePrefix(At(3));
        Assert.Equal(before, _store.Last);
    }

    [Fact]
    public void Prune_prefix_then_append()
    {
        Fill(3);
        _store.PrunePrefix(At(2));
        Assert.Equal(At(4), _store.Append(new Term(2), Bytes(4)));
        Assert.Equal(new LogCursor(new Term(2), At(4)), _store.Last);
    }

    [Fact]
    public void Prune_prefix_get_range()
    {
        Fill(5);
        _store.PrunePrefix(At(2));
        Assert.Equal(3, _store.GetRange(LogRange.Of(3, 5)).Count);
        Assert.Equal([3, 4], _store.GetRange(LogRange.Of(1, 4)).Select(e => e.Bytes.Span[0]));
        Assert.Empty(_store.GetRange(LogRange.Of(1, 2)));
        Assert.Equal(3, _store.GetRange(LogRange.Of(0, ulong.MaxValue)).Count);
        Assert.Empty(_store.GetRange(LogRange.Of(5, 4)));
    }

    [Fact]
    public void Prune_prefix_then_truncate()
    {
        Fill(5);
        _store.PrunePrefix(At(2));
        _store.Truncate(At(4));
        Assert.Equal(LogRange.Of(2, 3), _store.Available);
        AssertEntry(3);
        Assert.False(_store.TryGet(At(4), out _));
    }

    [Fact]
    public void Prune_prefix_idempotent()
    {
        Fill(5);
        _store.PrunePrefix(At(3));
        _store.PrunePrefix(At(3));
        _store.PrunePrefix(At(1));
        Assert.Equal(LogRange.Of(3, 5), _store.Available);
    }

    [Fact]
    public void Prune_prefix_all_entries()
    {
        Fill(3);
        _store.PrunePrefix(At(9));
        Assert.Equal(LogRange.Of(3, 3), _store.Available);
        Assert.Equal(new LogCursor(Term.One, At(3)), _store.Last);
        Assert.Equal(At(4), _store.Append(Term.One, Bytes(4)));
        AssertEntry(4);
    }

    [Fact]
    public void Prune_prefix_zero_is_noop()
    {
        Fill(3);
        _store.PrunePrefix(LogIndex.Zero);
        Assert.Equal(LogRange.Of(0, 3), _store.Available);
    }

    [Fact]
    public void Truncate_at_pruned_boundary_clears_remaining()
    {
        Fill(5);
        _store.PrunePrefix(At(3));
        _store.Truncate(At(3));
        Assert.Equal(new LogCursor(Term.One, At(3)), _store.Last);
        Assert.Equal(LogRange.Of(3, 3), _store.Available);
        Assert.Equal(Term.One, _store.TermAt(At(3)));
        Assert.Null(_store.TermAt(At(4)));
    }

    [Fact]
    public void Terms_and_sentinel()
    {
        Assert.Equal(LogCursor.Zero, _store.Last);
        Assert.Equal(Term.Zero, _store.TermAt(LogIndex.Zero));
        Assert.Null(_store.TermAt(LogIndex.One));
        Assert.False(_store.TryGet(LogIndex.Zero, out _));
        _store.ResetTo(new LogCursor(new Term(7), At(100)));
        Assert.Equal(new Term(7), _store.TermAt(At(100)));
        Assert.Null(_store.TermAt(At(99)));
        Assert.Equal(Term.Zero, _store.TermAt(LogIndex.Zero));
        Assert.Equal(At(101), _store.Append(new Term(8), Bytes(1)));
        Assert.Equal(LogRange.Of(100, 101), _store.Available);
    }

    [Fact]
    public void Random_operations_agree_with_a_simple_list()
    {
        for (ulong seed = 0; seed < 200; seed++)
            Compare(new SeededRandom(seed));
    }

    private static void Compare(SeededRandom random)
    {
        var store = new InMemoryLogStore();
        var model = new List<(ulong Term, byte[] Bytes)>();
        int pruned = 0;
        for (int step = 0; step < 120; step++)
        {
            switch (random.NextBelow(5))
            {
                case 0 or 1 or 2:
                    int count = random.NextBelow(700);
                    for (int i = 0; i < count; i++)
                    {
                        byte[] bytes = [(byte)model.Count];
                        model.Add(((ulong)(1 + (step / 10)), bytes));
                        Assert.Equal((ulong)model.Count, store.Append(new Term((ulong)(1 + (step / 10))), bytes).Value);
                    }

                    break;
                case 3:
                    int at = 1 + random.NextBelow(model.Count + 2);
                    store.Truncate(At((ulong)at));
                    int keep = Math.Max(at - 1, pruned);
                    if (keep < model.Count)
                        model.RemoveRange(keep, model.Count - keep);
                    break;
                default:
                    int upTo = random.NextBelow(model.Count + 2);
                    store.PrunePrefix(At((ulong)upTo));
                    pruned = Math.Max(pruned, Math.Min(upTo, model.Count));
                    break;
            }

            Assert.Equal(LogRange.Of((ulong)pruned, (ulong)model.Count), store.Available);
            for (int probe = 0; probe < 8; probe++)
            {
                int index = random.NextBelow(model.Count + 3);
                bool exists = index > pruned && index <= model.Count;
                Assert.Equal(exists, store.TryGet(At((ulong)index), out LogEntry entry));
                if (exists)
                    Assert.True(entry.Bytes.Span.SequenceEqual(model[index - 1].Bytes) && entry.Term.Value == model[index - 1].Term);
                bool hasTerm = index == 0 || (index >= pruned && index <= model.Count);
                Assert.Equal(hasTerm ? (index == 0 ? 0 : model[index - 1].Term) : null, store.TermAt(At((ulong)index))?.Value);
            }
        }
    }

    private static LogIndex At(ulong index) => new(index);

    private static byte[] Bytes(ulong index) => [(byte)index];

    private void Fill(ulong count)
    {
        for (ulong i = 1; i <= count; i++)
            _store.Append(Term.One, Bytes(i));
    }

    private void AssertEntry(ulong index)
    {
        Assert.True(_store.TryGet(At(index), out LogEntry entry));
        Assert.Equal((byte)index, entry.Bytes.Span[0]);
    }
}
