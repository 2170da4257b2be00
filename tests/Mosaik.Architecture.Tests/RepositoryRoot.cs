namespace Mosaik.Architecture.Tests;

/// <summary>Finds the checkout that the test binary was built from.</summary>
internal static class RepositoryRoot
{
    public static string Find()
    {
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
            if (File.Exists(Path.Combine(d.FullName, "Mosaik.slnx")))
                return d.FullName;
        throw new InvalidOperationException($"no Mosaik.slnx above {AppContext.BaseDirectory}");
    }
}
