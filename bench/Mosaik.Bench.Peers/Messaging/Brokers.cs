using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mosaik.Bench.Peers.Messaging;

/// <summary>The servers that <c>bench/peers.sh</c> starts: whether they run, and what they cost.</summary>
public static class Brokers
{
    public const int RedisPort = 7001;
    public const int NatsPort = 7002;

    /// <summary>Where the three members of etcd take clients.</summary>
    public static IReadOnlyList<int> EtcdPorts { get; } = [7101, 7102, 7103];

    // The unit of /proc, USER_HZ, is 100 on every Linux.
    private const double TicksPerSecond = 100;

    /// <summary>Why a peer cannot be measured now; null if it can.</summary>
    public static string? WhyMissing(string peer) => peer switch
    {
        "nats" => IsOpen(NatsPort) ? null : "nats-server is not running (bench/peers.sh start nats)",
        "redis" => IsOpen(RedisPort) ? null : "redis-server is not running (bench/peers.sh start redis)",
        "etcd" => EtcdPorts.All(IsOpen) ? null : "etcd is not running (bench/peers.sh start etcd)",
        _ => null,
    };

    /// <summary>The process of one of the three members, counted from 0.</summary>
    public static async Task<int> EtcdProcessAsync(int member) => int.Parse(
        await File.ReadAllTextAsync(Path.Combine(Root(), "artifacts", "peers", $"etcd{member + 1}.pid")), CultureInfo.InvariantCulture);

    /// <summary>Starts a server that has ended.</summary>
    public static async Task StartAsync(string peer)
    {
        var start = new ProcessStartInfo(Path.Combine(Root(), "bench", "peers.sh")) { RedirectStandardError = true };
        start.ArgumentList.Add("start");
        start.ArgumentList.Add(peer);
        using var script = Process.Start(start) ?? throw new InvalidOperationException("cannot run bench/peers.sh");
        await script.StandardError.ReadToEndAsync();
        await script.WaitForExitAsync();
    }

    /// <summary>Processor time of a server so far; 0 where the system does not tell.</summary>
    public static double CpuSeconds(string program)
    {
        if (!OperatingSystem.IsLinux())
            return 0;
        var total = 0.0;
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(static d => char.IsAsciiDigit(Path.GetFileName(d)[0])))
        {
            try
            {
                if (File.ReadAllText(process + "/comm").Trim() != program)
                    continue;
                // Behind the name, which may contain blanks: utime and stime are the fields 14 and 15.
                var stat = File.ReadAllText(process + "/stat");
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                total += (Ticks(fields[11]) + Ticks(fields[12])) / TicksPerSecond;
            }
            catch (IOException)
            {
                // It has ended since.
            }
        }

        return total;
    }

    private static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "bench", "peers.sh")))
                return folder.FullName;
        }

        throw new InvalidOperationException("run it from a checkout: bench/peers.sh is needed");
    }

    private static long Ticks(string field) => long.Parse(field, CultureInfo.InvariantCulture);

    private static bool IsOpen(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
