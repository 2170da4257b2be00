using System.Diagnostics;
using System.Globalization;
using System.Runtime;
using System.Runtime.InteropServices;
using Mosaik.Bench.Peers;

namespace Mosaik.Bench.Results;

/// <summary>What the machine is and how busy it is. Facts that the system does not offer are left out.</summary>
internal static class Machine
{
    public static EnvLine Describe(string runId) => new(
        runId,
        DateTimeOffset.UtcNow,
        Git("rev-parse", "HEAD"),
        Git("status", "--porcelain") is { } status ? status.Length > 0 : null,
        RuntimeInformation.OSDescription,
        Environment.OSVersion.Version.ToString(),
        Field("/proc/cpuinfo", "model name"),
        Environment.ProcessorCount,
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        RuntimeInformation.FrameworkDescription,
        Run("openssl", "version"),
        (GCSettings.IsServerGC ? "server" : "workstation") + ",concurrent=" + AppContext.GetData("System.GC.Concurrent"),
        !string.Equals(Environment.GetEnvironmentVariable("DOTNET_TieredPGO"), "0", StringComparison.Ordinal),
        Number("/proc/sys/net/core/rmem_max"),
        Number("/proc/sys/net/core/wmem_max"),
        Load(),
        PeerList.Versions,
        $"{(OperatingSystem.IsLinux() ? "linux" : OperatingSystem.IsWindows() ? "windows" : "macos")}-"
            + $"{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}-{Environment.ProcessorCount}c");

    /// <summary>The 1-minute load.</summary>
    public static double Load() => File.Exists("/proc/loadavg")
        ? double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture)
        : 0;

    private static string? Git(params string[] arguments) => Run("git", arguments);

    private static string? Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true });
            var text = process!.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            return process.ExitCode == 0 ? text : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static string? Field(string path, string name) => !File.Exists(path)
        ? null
        : File.ReadLines(path).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim();

    private static long? Number(string path) =>
        File.Exists(path) ? long.Parse(File.ReadAllText(path), CultureInfo.InvariantCulture) : null;
}
