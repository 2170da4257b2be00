using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Mosaik.EndToEnd.Tests;

/// <summary>A stranger reads our packets: tshark decrypts a capture of a run with its key log.</summary>
public sealed class CaptureTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Tshark_opens_every_packet_of_a_run()
    {
        Assert.SkipUnless(await CanCaptureAsync(), "tshark is not installed or may not capture on the loopback device");
        var folder = Directory.CreateTempSubdirectory("mosaik-capture-");
        try
        {
            var (pcap, keys) = (Path.Combine(folder.FullName, "run.pcap"), Path.Combine(folder.FullName, "keys"));
            var environment = new Dictionary<string, string> { ["SSLKEYLOGFILE"] = keys };
            await using var subscriber = ToolProcess.Mosaik(
                environment, "sub", "--network", "e2e-capture", "--stream", "lines", "--count", "500", "--listen", "127.0.0.1:0");
            var address = await subscriber.AddressAsync();
            var port = address[(address.LastIndexOf(':') + 1)..];
            using (var capture = await Capture.StartAsync(pcap, port))
            {
                await using var publisher = ToolProcess.Mosaik(
                    environment, "pub", "--network", "e2e-capture", "--stream", "lines", "--listen", "127.0.0.1:0", "--peer", address);
                await publisher.FeedTextAsync(string.Concat(Enumerable.Range(0, 500).Select(i => $"line {i} of a captured run\n")));
                Assert.Equal(0, await publisher.ExitAsync());
                Assert.Equal(0, await subscriber.ExitAsync());
                await capture.StopAsync();
            }

            // Two nodes have several connections between the same two addresses, and their handshakes cross: tshark 4.0 then
            // takes packets for those of the connection that began last. So it is shown one connection at a time.
            var connections = ConnectionsOf(await PayloadsAsync(pcap, port));
            Assert.True(connections.Count > 1, "one connection for the catalogs, one for the stream");
            var carriesData = false;
            foreach (var frames in connections)
            {
                var one = Path.Combine(folder.FullName, "one.pcap");
                var (code, _) = await RunAsync("tshark", "-r", pcap, "-Y", $"frame.number in {{{string.Join(',', frames)}}}", "-w", one);
                Assert.Equal(0, code);
                carriesData |= (await ReadAsync(one, port, keys, "quic.stream_data")).Length > 0;
                Assert.Empty(await ReadAsync(one, port, keys, "_ws.malformed || quic.decryption_failed"));
                // A packet without a frame is one that could not be opened, whatever tshark calls it.
                Assert.Empty(await ReadAsync(one, port, keys, "quic && !quic.frame_type"));
            }

            Assert.True(carriesData, "a stream");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<bool> CanCaptureAsync()
    {
        if (!OperatingSystem.IsLinux())
            return false;
        try
        {
            var (code, _) = await RunAsync("tshark", "-D");
            if (code != 0)
                return false;
            var probe = Path.GetTempFileName();
            (code, _) = await RunAsync("tshark", "-i", "lo", "-a", "duration:1", "-w", probe);
            File.Delete(probe);
            return code == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // not installed
        }
    }

    /// <summary>The frames of each connection, by the connection ids in the clear (RFC 9000 §17).</summary>
    private static List<List<int>> ConnectionsOf(IEnumerable<(int Frame, byte[] Datagram)> captured)
    {
        const int IdOffset = 6;
        const int IdLength = 8;
        var connections = new List<List<int>>();
        var known = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        foreach (var (frame, datagram) in captured)
        {
            var isLong = (datagram[0] & 0x80) != 0;
            var to = isLong
                ? Convert.ToHexString(datagram, IdOffset, datagram[IdOffset - 1])
                : Convert.ToHexString(datagram, 1, IdLength);
            if (!known.TryGetValue(to, out var connection))
            {
                Assert.True(isLong && (datagram[0] & 0x30) == 0, $"frame {frame} belongs to no connection that began");
                connections.Add(connection = []);
                known.Add(to, connection);
            }

            connection.Add(frame);
            if (isLong)
            {
                var sender = IdOffset + datagram[IdOffset - 1];
                known[Convert.ToHexString(datagram, sender + 1, datagram[sender])] = connection;
            }
        }

        return connections;
    }

    private static async Task<List<(int Frame, byte[] Datagram)>> PayloadsAsync(string pcap, string port)
    {
        var (code, output) = await RunAsync(
            "tshark", "-r", pcap, "-d", $"udp.port=={port},data", "-T", "fields", "-e", "frame.number", "-e", "udp.payload");
        Assert.Equal(0, code);
        return
        [
            .. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Split('\t'))
                .Select(static parts => (int.Parse(parts[0], CultureInfo.InvariantCulture), Convert.FromHexString(parts[1]))),
        ];
    }

    /// <summary>The numbers of the frames that match a filter.</summary>
    private static async Task<string[]> ReadAsync(string pcap, string port, string keys, string filter)
    {
        var (code, output) = await RunAsync(
            "tshark", "-r", pcap, "-o", $"tls.keylog_file:{keys}", "-d", $"udp.port=={port},quic",
            "-Y", filter, "-T", "fields", "-e", "frame.number", "-e", "_ws.col.Info");
        Assert.Equal(0, code);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static async Task<(int Code, string Output)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!; // a program that cannot be started throws
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync().WaitAsync(Deadline);
        await process.WaitForExitAsync().WaitAsync(Deadline);
        await errors;
        return (process.ExitCode, output);
    }

    /// <summary>tshark, capturing the datagrams of one port on the loopback device.</summary>
    private sealed class Capture : IDisposable
    {
        private readonly Process _process;

        private Capture(Process process) => _process = process;

        public static async Task<Capture> StartAsync(string file, string port)
        {
            var process = Process.Start(new ProcessStartInfo("tshark", ["-i", "lo", "-f", $"udp port {port}", "-w", file])
            {
                RedirectStandardError = true,
            })!; // as above
            var said = new StringBuilder();
            while (!said.ToString().Contains("Capturing on", StringComparison.Ordinal))
            {
                var line = await process.StandardError.ReadLineAsync().WaitAsync(Deadline)
                    ?? throw new InvalidOperationException($"tshark ended: {said}");
                said.AppendLine(line);
            }

            return new Capture(process);
        }

        public async Task StopAsync()
        {
            // SIGINT: tshark writes what it has and ends.
            await RunAsync("kill", "-INT", _process.Id.ToString(CultureInfo.InvariantCulture));
            await _process.StandardError.ReadToEndAsync().WaitAsync(Deadline);
            await _process.WaitForExitAsync().WaitAsync(Deadline);
        }

        public void Dispose()
        {
            if (!_process.HasExited)
                _process.Kill();
            _process.Dispose();
        }
    }
}
