using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Quic;
using Mosaik.Streams;
using Mosaik.Testing;

namespace Mosaik.Tests.Streams;

/// <summary>
/// Random worlds of one seed each: producers that crash and return, partitions, latency, loss, slow readers; whatever
/// happens, the invariants ST-1, ST-2, ST-7 (queue), ST-8 and ST-9 of spec/reliability.md §5.2 hold.
/// </summary>
public sealed class StreamPropertyTests
{
    private const int Producers = 2;
    private const int QueueSize = 16;

    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 40).Select(i => (ulong)i)];

    [Theory, MemberData(nameof(Seeds))]
    public void Invariants_hold(ulong seed)
    {
        using var world = new StreamWorld(seed);
        world.Run(() => new Scenario(world, seed).RunAsync());
    }

    /// <summary>One datum: who sent it, in which life, and its number in that life.</summary>
    private readonly record struct Sent(int Producer, int Life, int Number);

    private sealed class Scenario(StreamWorld world, ulong seed)
    {
        private readonly RandomSource _random = new SimulationRandom(seed).Stream("scenario");
        private readonly Network[] _producerNodes = new Network[Producers];
        private readonly Producer<int[]>[] _producers = new Producer<int[]>[Producers];
        private readonly int[] _lives = new int[Producers];
        private readonly Network[] _consumerNodes = new Network[2];
        private readonly Consumer<int[]>[] _consumers = new Consumer<int[]>[2];
        private readonly List<Sent>[] _received = [[], []];
        private readonly List<Task> _tasks = [];
        private LagPolicy _policy;
        private bool _over;

        public async Task RunAsync()
        {
            _policy = (LagPolicy)_random.NextBelow(3);
            world.Transports.StreamWindow = 2000;
            world.Transports.Links.Default = new LinkConditions
            {
                MinLatency = TimeSpan.FromMilliseconds(1),
                MaxLatency = TimeSpan.FromMilliseconds(1 + _random.NextBelow(80)),
                Loss = _random.NextBelow(3) * 0.02,
            };
            for (var i = 0; i < Producers; i++)
                await StartProducerAsync(i);
            for (var i = 0; i < _consumers.Length; i++)
            {
                _consumerNodes[i] = await world.StartAsync();
                _consumers[i] = _consumerNodes[i].Streams.Consume(new ConsumerOptions<int[]> { QueueSize = QueueSize });
                _tasks.Add(ReadAsync(i, slow: i == 1));
            }

            await SyncAsync();
            for (var i = 0; i < Producers; i++)
                _tasks.Add(SendAsync(i, _lives[i]));
            for (var fault = 0; fault < 6; fault++)
                await FaultAsync();
            world.Transports.Links.Heal();
            await SyncAsync();

            // ST-9: after the last fault every pair is connected again, within the largest delay of the backoff + 10 s.
            await world.UntilAsync(AllConnected, 100, "every eligible pair is connected again");
            var before = _received.Select(r => r.Count).ToArray();
            await world.DelayAsync(10);
            for (var i = 0; i < _received.Length; i++)
                Assert.True(_received[i].Count > before[i], $"consumer {i} receives nothing any more");
            _over = true;
            foreach (var producer in _producers)
                await producer.DisposeAsync();
            foreach (var consumer in _consumers)
                await consumer.DisposeAsync();
            await Task.WhenAll(_tasks).WaitAsync(TimeSpan.FromSeconds(10), world.Time); // ST-8: no wait is left behind
            Check();
        }

        private async Task FaultAsync()
        {
            await world.DelayAsync(1 + _random.NextBelow(5));
            var producer = _random.NextBelow(Producers);
            switch (_random.NextBelow(3))
            {
                case 0:
                    world.Cut(_producerNodes[producer], _consumerNodes[_random.NextBelow(2)]);
                    await world.DelayAsync(1 + _random.NextBelow(50));
                    world.Transports.Links.Heal();
                    break;
                case 1:
                    world.Transports.Crash(StreamWorld.HostOf(_producerNodes[producer]));
                    await world.DelayAsync(_random.NextBelow(10));
                    await StartProducerAsync(producer);
                    await SyncAsync();
                    _tasks.Add(SendAsync(producer, _lives[producer]));
                    break;
                default:
                    world.Transports.Links.Default = world.Transports.Links.Default with
                    {
                        MaxLatency = TimeSpan.FromMilliseconds(1 + _random.NextBelow(200)),
                    };
                    break;
            }
        }

        private async Task StartProducerAsync(int i)
        {
            _lives[i]++;
            _producerNodes[i] = await world.StartAsync(key: SecretKey.FromText($"producer {i}"));
            _producers[i] = _producerNodes[i].Streams.Produce(
                new ProducerOptions<int[]> { BufferSize = 4, Lagging = _policy, StallTimeout = TimeSpan.FromSeconds(5) });
        }

        /// <summary>A sync may join one that began into a cut and fails with it; the next one then does not.</summary>
        private async Task SyncAsync()
        {
            for (var attempt = 0; ; attempt++)
            {
                try
                {
                    await world.SyncAsync([.. _producerNodes, .. _consumerNodes]);
                    return;
                }
                catch (Exception error) when (error is MosaikTimeoutException or TimeoutException && attempt < 3)
                {
                    await world.DelayAsync(5);
                }
            }
        }

        private async Task SendAsync(int i, int life)
        {
            var producer = _producers[i];
            try
            {
                for (var number = 0; !_over; number++)
                {
                    var datum = new int[100];
                    (datum[0], datum[1], datum[2]) = (i, life, number);
                    await producer.WriteAsync(datum);
                    await world.DelayAsync(0.001 * _random.NextBelow(100));
                }
            }
            catch (System.Threading.Channels.ChannelClosedException)
            {
                // The end, or its node has crashed.
            }
        }

        private async Task ReadAsync(int i, bool slow)
        {
            var consumer = _consumers[i];
            while (await consumer.WaitToReadAsync())
            {
                Assert.InRange(consumer.Count, 0, QueueSize); // ST-7
                while (consumer.TryRead(out var datum))
                {
                    Assert.Equal(100, datum.Length);
                    _received[i].Add(new Sent(datum[0], datum[1], datum[2]));
                    if (slow && _random.NextBelow(4) == 0)
                        await world.DelayAsync(0.001 * _random.NextBelow(1500));
                }
            }
        }

        private bool AllConnected() => _consumers.All(c => c.Producers.Count(p => p.IsConnected) == Producers)
            && _producers.All(p => p.Consumers.Count(c => c.IsConnected) == _consumers.Length);

        /// <summary>ST-1 and ST-2: per producer and life the numbers only rise, and an older life never comes back.</summary>
        private void Check()
        {
            foreach (var received in _received)
            {
                Assert.NotEmpty(received);
                foreach (var one in received.GroupBy(s => s.Producer))
                {
                    Sent? last = null;
                    foreach (var sent in one)
                    {
                        if (last is { } before)
                        {
                            Assert.True(
                                sent.Life > before.Life || (sent.Life == before.Life && sent.Number > before.Number),
                                $"{sent} came after {before}");
                        }

                        last = sent;
                    }
                }
            }
        }
    }
}
