using Microsoft.Extensions.Logging.Abstractions;
using Mosaik.Quic.Driver;

namespace Mosaik.Quic.Tests.Driver;

/// <summary>The file named by SSLKEYLOGFILE, which this process has set for nobody else.</summary>
public sealed class KeyLogFileTests
{
    private const string Variable = "SSLKEYLOGFILE";

    private static readonly QuicOptions Options = new()
    {
        IdentitySeed = new byte[QuicOptions.KeyLength],
        AllowKeyLogFromEnvironment = true,
    };

    [Fact]
    public async Task Lines_of_several_writers_are_all_there_and_whole()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere each process needs its own file");
        const int Writers = 4;
        const int Lines = 500;
        var folder = Directory.CreateTempSubdirectory("mosaik-keys-");
        try
        {
            var path = Path.Combine(folder.FullName, "schlüssel");
            await File.WriteAllTextAsync(path, "from an earlier run\n");
            await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(() =>
            {
                // Opened anew each time: what a process of its own would do.
                for (var i = 0; i < Lines; i += 10)
                {
                    var write = Sink(path, out var file)!; // it can be opened
                    using (file)
                    {
                        for (var line = i; line < i + 10; line++)
                            write($"CLIENT_RANDOM {writer} {line}");
                    }
                }
            })));
            var expected = Enumerable.Range(0, Writers)
                .SelectMany(static writer => Enumerable.Range(0, Lines).Select(line => $"CLIENT_RANDOM {writer} {line}"))
                .Append("from an earlier run");
            Assert.Equal(
                expected.Order(StringComparer.Ordinal), (await File.ReadAllLinesAsync(path)).Order(StringComparer.Ordinal));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Only_the_owner_may_read_a_new_file()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "a matter of the folder elsewhere");
        if (OperatingSystem.IsWindows())
            return; // for the analyzer
        var folder = Directory.CreateTempSubdirectory("mosaik-keys-");
        try
        {
            var path = Path.Combine(folder.FullName, "keys");
            Sink(path, out var file);
            file!.Dispose(); // it can be opened
            Assert.Equal(
                UnixFileMode.None,
                File.GetUnixFileMode(path) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_file_that_cannot_be_opened_is_told_and_done_without()
    {
        Assert.Null(Sink(Path.Combine(Path.GetTempPath(), "no such folder", "keys"), out var file));
        Assert.Null(file);
    }

    private static Action<string>? Sink(string path, out KeyLogFile? file)
    {
        Environment.SetEnvironmentVariable(Variable, path);
        return KeyLogFile.SinkFor(Options, NullLogger.Instance, out file);
    }
}
