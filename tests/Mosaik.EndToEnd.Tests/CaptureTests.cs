using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
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
            // Every connection leaves from a port of its own and arrives at the port of a node.
            int[] ports = [int.Parse(address[(address.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture), FreePort()];
            using (var capture = await Capture.StartAsync(pcap, $"udp port {ports[0]} or udp port {ports[1]}"))
            {
                await using var publisher = ToolProcess.Mosaik(
                    environment, "pub", "--network", "e2e-capture", "--stream", "lines",
                    "--listen", $"127.0.0.1:{ports[1]}", "--peer", address);
                await publisher.FeedTextAsync(string.Concat(Enumerable.Range(0, 500).Select(i => $"line {i} of a captured run\n")));
                Assert.Equal(0, await publisher.ExitAsync());
                Assert.Equal(0, await subscriber.ExitAsync());
                await capture.StopAsync();
            }

            // Dialled from either side: what was taken for another connection's packets when both used one port.
            foreach (var port in ports)
                Assert.NotEmpty(await ReadAsync(pcap, ports, keys, $"quic && tls.handshake.type == 1 && udp.dstport == {port}"));
            Assert.NotEmpty(await ReadAsync(pcap, ports, keys, "quic.stream_data"));
            Assert.Empty(await ReadAsync(pcap, ports, keys, "!quic"));
            Assert.Empty(await ReadAsync(pcap, ports, keys, "_ws.malformed || quic.decryption_failed"));
            // A packet without a frame is one that could not be opened, whatever tshark calls it.
            Assert.Empty(await ReadAsync(pcap, ports, keys, "quic && !quic.frame_type"));
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

    /// <summary>A port that nobody has; the capture must know it before the node starts.</summary>
    private static int FreePort()
    {
        using var socket = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.Client.LocalEndPoint!).Port; // bound
    }

    /// <summary>The numbers of the frames that match a filter.</summary>
    private static async Task<string[]> ReadAsync(string pcap, int[] ports, string keys, string filter)
    {
        var (code, output) = await RunAsync(
            "tshark", "-r", pcap, "-o", $"tls.keylog_file:{keys}",
            "-d", $"udp.port=={ports[0]},quic", "-d", $"udp.port=={ports[1]},quic",
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

    /// <summary>tshark, capturing on the loopback device.</summary>
    private sealed class Capture : IDisposable
    {
        private readonly Process _process;

        private Capture(Process process) => _process = process;

        public static async Task<Capture> StartAsync(string file, string filter)
        {
            var process = Process.Start(new ProcessStartInfo("tshark", ["-i", "lo", "-f", filter, "-w", file])
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
