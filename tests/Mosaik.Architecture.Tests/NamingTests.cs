using System.Reflection;

namespace Mosaik.Architecture.Tests;

/// <summary>Namespace = folder, file name = type name for public types, no file without an end (conventions).</summary>
public sealed class NamingTests
{
    private static readonly string Root = RepositoryRoot.Find();

    public static TheoryData<string> Projects => [.. Directory.GetDirectories(Path.Combine(Root, "src"))
        .Select(Path.GetFileName).OfType<string>()];

    [Theory, MemberData(nameof(Projects))]
    public void Namespace_is_folder(string project)
    {
        var directory = Path.Combine(Root, "src", project);
        var wrong =
            from file in Directory.EnumerateFiles(directory, "*.cs", SearchOption.AllDirectories)
            let folder = Path.GetRelativePath(directory, Path.GetDirectoryName(file)!) // a file has a directory
            let expected = folder == "." ? project : $"{project}.{folder.Replace(Path.DirectorySeparatorChar, '.')}"
            let declared = File.ReadLines(file)
                .FirstOrDefault(line => line.StartsWith("namespace ", StringComparison.Ordinal))
            where declared is not null && declared != $"namespace {expected};"
            select $"{Path.GetRelativePath(Root, file)}: {declared}";
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("Mosaik.Waiting"), InlineData("Mosaik.Postcard"), InlineData("Mosaik.Quic")]
    [InlineData("Mosaik"), InlineData("Mosaik.Testing")]
    public void A_public_type_has_a_file_of_its_name(string project)
    {
        var files = Directory.EnumerateFiles(Path.Combine(Root, "src", project), "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetFileNameWithoutExtension(file).Split('.')[0]).ToHashSet(StringComparer.Ordinal);
        var missing = Assembly.Load(project).GetExportedTypes()
            .Where(type => !type.IsNested && type.Namespace!.StartsWith("Mosaik", StringComparison.Ordinal)) // exported types have one
            .Select(type => type.Name.Split('`')[0])
            .Where(name => !files.Contains(name));
        Assert.Empty(missing);
    }
}
