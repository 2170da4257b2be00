using System.Diagnostics;
using System.Security.Cryptography;

namespace QuickStart;

/// <summary>Starts the three processes, shows what they print, and compares the copies with the file.</summary>
internal static class Conductor
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public static async Task<int> RunAsync()
    {
        using var deadline = new CancellationTokenSource(Patience);
        var folder = Directory.CreateTempSubdirectory("mosaik-quick-start-");
        var processes = new List<Process>();
        try
        {
            var file = FindTextFile();
            string[] copies = [Path.Combine(folder.FullName, "copy1"), Path.Combine(folder.FullName, "copy2")];
            var peers = new List<string>();
            var outputs = new List<Task>();
            for (var i = 0; i < copies.Length; i++)
            {
                var subscriber = Start("subscribe", copies[i]);
                processes.Add(subscriber);
                var address = await subscriber.StandardOutput.ReadLineAsync(deadline.Token)
                    ?? throw new InvalidOperationException("a subscriber ended before it was ready");
                Console.WriteLine($"subscriber {i + 1} listens at {address}");
                peers.Add(address);
                outputs.Add(ShowAsync($"subscriber {i + 1}", subscriber.StandardOutput, deadline.Token));
            }

            Console.WriteLine($"publisher sends {file}");
            processes.Add(Start(["publish", file, .. peers]));
            await Task.WhenAll(outputs);
            foreach (var process in processes)
                await process.WaitForExitAsync(deadline.Token);

            var identical = copies.All(copy => Hash(copy) == Hash(file));
            Console.WriteLine(identical ? "both copies are identical with the file" : "A COPY DIFFERS FROM THE FILE");
            return identical && processes.All(p => p.ExitCode == 0) ? 0 : 1;
        }
        finally
        {
            foreach (var process in processes.Where(p => !p.HasExited))
                process.Kill();
            folder.Delete(recursive: true);
        }
    }

    private static async Task ShowAsync(string who, StreamReader output, CancellationToken cancellation)
    {
        while (await output.ReadLineAsync(cancellation) is { } line)
            Console.WriteLine($"{who}: {line}");
    }

    /// <summary>This program again, in another role.</summary>
    private static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        start.ArgumentList.Add(typeof(Conductor).Assembly.Location);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start) ?? throw new InvalidOperationException("cannot start a process");
    }

    /// <summary>The repository's README, found from where the program was built.</summary>
    private static string FindTextFile()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Mosaik.slnx")))
                return Path.Combine(folder.FullName, "README.md");
        throw new InvalidOperationException("run it from a checkout: it streams the repository's README.md");
    }

    private static string Hash(string file) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));
}
