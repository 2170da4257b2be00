namespace Mosaik.Quic.Tests.Traces;

/// <summary>Finds the directory of specifications and vectors beside the checkout.</summary>
internal static class Shared
{
    /// <summary>The full path of a file or directory below it.</summary>
    internal static string PathOf(params string[] parts)
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null;
            directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Mosaik.slnx")))
                return Path.GetFullPath(Path.Combine([directory.FullName, "..", "shared", .. parts]));
        }
        throw new DirectoryNotFoundException("Mosaik.slnx is not above " + AppContext.BaseDirectory);
    }
}
