using System.Text.Json;

namespace Mosaik.Bench.Results;

/// <summary>Writes each line to standard output and appends it to a file.</summary>
internal sealed class ResultWriter(string? path)
{
    public void Write<T>(T line)
    {
        var json = JsonSerializer.Serialize(line, Lines.Options);
        Console.WriteLine(json);
        if (path is not null)
            File.AppendAllText(path, json + "\n");
    }
}
