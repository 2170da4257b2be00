using System.Collections.Frozen;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Mosaik.Primitives;

namespace Mosaik.Tests.Primitives;

public sealed class WireNameTests
{
    [Theory]
    [InlineData(typeof(Acme.RenamedUpdate), "my_crate::PriceUpdate")]
    [InlineData(typeof(Acme.Renamed<Acme.RenamedUpdate>), "my_crate::Wrapped<my_crate::PriceUpdate>")]
    [InlineData(typeof(Acme.Outer.Generic<int>.Nested<string>), "Acme::Outer::Generic::Nested<i32, alloc::string::String>")]
    [InlineData(typeof(Acme.Box<Acme.Box<int[]>>), "Acme::Box<Acme::Box<alloc::vec::Vec<i32>>>")]
    [InlineData(typeof(ImmutableArray<bool>), "alloc::vec::Vec<bool>")]
    [InlineData(typeof(ReadOnlyMemory<byte>), "alloc::vec::Vec<u8>")]
    [InlineData(typeof(IReadOnlyList<byte>), "alloc::vec::Vec<u8>")]
    [InlineData(typeof(FrozenDictionary<Tag, PeerId>), "std::collections::hash::map::HashMap<mosaik::primitives::id::Digest, iroh_base::key::PublicKey>")]
    [InlineData(typeof(ImmutableSortedSet<long>), "alloc::collections::btree::set::BTreeSet<i64>")]
    [InlineData(typeof(Mosaik.Postcard.Optional<string>), "core::option::Option<alloc::string::String>")]
    [InlineData(typeof(ValueTuple), "()")]
    [InlineData(typeof(Tuple<byte>), "(u8,)")]
    [InlineData(typeof((byte, byte, byte, byte, byte, byte, byte, ushort, uint)), "(u8, u8, u8, u8, u8, u8, u8, u16, u32)")]
    [InlineData(typeof(DayOfWeek), "System::DayOfWeek")]
    public void Of_type(Type type, string expected) => Assert.Equal(expected, WireNames.Of(type));

    [Theory]
    [InlineData(typeof(char)), InlineData(typeof(char[])), InlineData(typeof(int[,])), InlineData(typeof(List<>))]
    [InlineData(typeof(void)), InlineData(typeof(int*)), InlineData(typeof(Dictionary<string, char>))]
    public void Refused(Type type) => Assert.Throws<NotSupportedException>(() => WireNames.Of(type));

    [Fact]
    public void A_stream_id_of_a_type_is_the_hash_of_its_name() =>
        Assert.Equal(StreamId.From("alloc::vec::Vec<u8>"), StreamId.Of<byte[]>());

    [Fact]
    public void A_clr_name_is_warned_about_once_per_type()
    {
        var logger = new RecordingLogger();
        var resolver = new WireNameResolver(logger);
        resolver.Resolve(typeof(List<Acme.Trading.PriceUpdate>));
        resolver.Resolve(typeof(Acme.Trading.PriceUpdate));
        resolver.Resolve(typeof(Acme.Box<Acme.Trading.PriceUpdate>));
        resolver.Resolve(typeof(Acme.RenamedUpdate));
        Assert.Equal(2, logger.Warnings.Count);
        Assert.Contains("Acme::Trading::PriceUpdate", logger.Warnings[0], StringComparison.Ordinal);
        Assert.Contains("Acme::Box<Acme::Trading::PriceUpdate>", logger.Warnings[1], StringComparison.Ordinal);
    }

    private sealed class RecordingLogger : ILogger
    {
        public List<string> Warnings { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Assert.Equal(LogLevel.Warning, logLevel);
            Warnings.Add(formatter(state, exception));
        }
    }
}
