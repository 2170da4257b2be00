using Mosaik.Quic.Tests.Wire;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Streams;

/// <summary>Two stream sets under loss, duplication and reordering: prefix, credit, ends, no lost wake-up, no leak.</summary>
public sealed class StreamSetPairTests
{
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0.3, 0, 0)]
    [InlineData(0, 0.2, 0.5)]
    [InlineData(0.2, 0.1, 0.3)]
    public void Every_stream_ends_and_every_byte_read_is_the_one_written(double loss, double duplication, double reordering)
    {
        for (ulong seed = 0; seed < 30; seed++)
            Run(seed, loss, duplication, reordering);
    }

    private static void Run(ulong seed, double loss, double duplication, double reordering)
    {
        var random = new SeededRandom(seed);
        using var pipe = new FramePipe(Parameters(random), Parameters(random), seed, loss, duplication, reordering);
        var client = new StreamApp(pipe.Client, isServer: false, random);
        var server = new StreamApp(pipe.Server, isServer: true, random);
        for (int step = 0; step < 1500; step++)
        {
            client.Act(windDown: false);
            server.Act(windDown: false);
            pipe.Step();
        }
        int quiet = 0;
        for (; quiet < 200_000 && !(pipe.IsIdle && client.Open == 0 && server.Open == 0); quiet++)
        {
            client.Act(windDown: true);
            server.Act(windDown: true);
            pipe.Step();
        }
        Assert.True(client.Open == 0 && server.Open == 0,
            $"seed {seed}: {client.Open} and {server.Open} streams never ended ({pipe.Client.Count}, {pipe.Server.Count})");
        Assert.Equal((0, 0), (pipe.Client.Count, pipe.Server.Count));
        Assert.Equal((0UL, 0UL), (pipe.Client.UnacknowledgedBytes, pipe.Server.UnacknowledgedBytes));
        Assert.Equal((0UL, 0UL), (pipe.Client.BufferedReceiveBytes, pipe.Server.BufferedReceiveBytes));
        Assert.Equal(0, pipe.Pool.Outstanding);
        Assert.Equal(client.Finished, server.Finished);
        Assert.True(client.Finished > 0);
        AssertComplete(client, server);
        AssertComplete(server, client);
    }

    private static void AssertComplete(StreamApp writer, StreamApp reader)
    {
        // A stream read to FIN was finished by its writer, and at the same length.
        foreach ((ulong id, ulong length) in reader.ReadToEnd)
            Assert.Equal(writer.Written[id], length);
    }

    private static TransportParameters Parameters(SeededRandom random)
    {
        bool tiny = random.Chance(0.4);
        ulong Window() => tiny ? (ulong)(1 + random.Below(3000)) : (ulong)(10_000 + random.Below(1_000_000));
        return new TransportParameters
        {
            InitialMaxData = Window(),
            InitialMaxStreamDataBidiLocal = Window(),
            InitialMaxStreamDataBidiRemote = Window(),
            InitialMaxStreamDataUni = Window(),
            InitialMaxStreamsBidi = (ulong)(1 + random.Below(20)),
            InitialMaxStreamsUni = (ulong)(1 + random.Below(20)),
        };
    }
}
