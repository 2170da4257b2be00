using System.Security.Cryptography;

namespace Mosaik.EndToEnd.Tests;

/// <summary>Real text, not generated: the XML documentation that every .NET SDK brings along.</summary>
internal static class RealText
{
    /// <summary>Writes the first <paramref name="lines"/> lines to a file; returns its path and SHA-256.</summary>
    public static (string Path, string Sha256) Take(int lines)
    {
        var packs = Path.Combine(DotnetRoot(), "packs", "Microsoft.NETCore.App.Ref");
        var path = Path.Combine(Path.GetTempPath(), $"mosaik-text-{Environment.ProcessId}-{lines}.txt");
        var missing = lines;
        using (var output = File.Create(path))
        {
            foreach (var file in Directory.EnumerateFiles(packs, "*.xml", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                foreach (var line in File.ReadLines(file))
                {
                    if (missing-- == 0)
                        break;
                    output.Write(System.Text.Encoding.UTF8.GetBytes(line + "\n"));
                }

                if (missing < 0)
                    break;
            }
        }

        Assert.True(missing < 0, $"the SDK's documentation in {packs} has {lines - missing} lines only");
        return (path, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))));
    }

    private static string DotnetRoot()
    {
        var runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!; // an assembly on disk has a directory
        return Path.GetFullPath(Path.Combine(runtime, "..", "..", ".."));
    }
}
