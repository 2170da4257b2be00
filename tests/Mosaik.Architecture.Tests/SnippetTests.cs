using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Mosaik.Architecture.Tests;

/// <summary>Every C# block of README.md and docs/ compiles against the public API, exactly as it is printed.</summary>
public sealed partial class SnippetTests
{
    public static TheoryData<string> Documents
    {
        get
        {
            var root = RepositoryRoot.Find();
            return [.. Directory.EnumerateFiles(Path.Combine(root, "docs"), "*.md", SearchOption.AllDirectories)
                .Append(Path.Combine(root, "README.md"))
                .Select(file => Path.GetRelativePath(root, file)).Order(StringComparer.Ordinal)];
        }
    }

    [Fact]
    public void The_readme_has_snippets() =>
        Assert.NotEmpty(Snippets(Path.Combine(RepositoryRoot.Find(), "README.md")));

    [Theory, MemberData(nameof(Documents))]
    public void Snippets_compile(string document)
    {
        foreach (var (line, code) in Snippets(Path.Combine(RepositoryRoot.Find(), document)))
        {
            var errors = Compile(code);
            Assert.True(errors.Length == 0, $"{document}:{line}\n{string.Join('\n', errors)}\n{code}");
        }
    }

    [Fact]
    public void A_wrong_snippet_is_refused() => Assert.NotEmpty(Compile("Mosaik.Network.NoSuchMember();"));

    private static string[] Compile(string code)
    {
        const string implicitUsings = """
            global using System;
            global using System.Collections.Generic;
            global using System.IO;
            global using System.Linq;
            global using System.Net;
            global using System.Threading;
            global using System.Threading.Tasks;
            """;
        var options = new CSharpParseOptions(LanguageVersion.Preview);
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!) // set by every .NET host
            .Split(Path.PathSeparator).Where(File.Exists).Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create(
            "Snippet",
            [CSharpSyntaxTree.ParseText(implicitUsings, options), CSharpSyntaxTree.ParseText(code, options)],
            references,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        GeneratorDriver driver = CSharpGeneratorDriver.Create(Generators(), parseOptions: options);
        driver.RunGeneratorsAndUpdateCompilation(compilation, out var generated, out var problems);
        return [.. generated.GetDiagnostics().Concat(problems)
            .Where(d => d.Severity == DiagnosticSeverity.Error).Select(d => d.ToString())];
    }

    /// <summary>The PolyType generator, so that [GenerateShape] in a snippet means what it means in a project.</summary>
    private static ImmutableArray<ISourceGenerator> Generators()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "generators");
        return [.. Directory.EnumerateFiles(folder, "PolyType.SourceGenerator.dll")
            .SelectMany(path => System.Reflection.Assembly.LoadFrom(path).GetTypes())
            .Where(type => !type.IsAbstract && typeof(IIncrementalGenerator).IsAssignableFrom(type))
            .Select(type => ((IIncrementalGenerator)Activator.CreateInstance(type)!).AsSourceGenerator())]; // generators have no-argument constructors
    }

    private static IEnumerable<(int Line, string Code)> Snippets(string file)
    {
        StringBuilder? block = null;
        var (start, number) = (0, 0);
        foreach (var line in File.ReadLines(file))
        {
            number++;
            if (block is null)
            {
                if (Fence().IsMatch(line))
                    (block, start) = (new StringBuilder(), number);
            }
            else if (line.TrimStart().StartsWith("```", StringComparison.Ordinal))
            {
                yield return (start, block.ToString());
                block = null;
            }
            else
            {
                block.AppendLine(line);
            }
        }
    }

    [GeneratedRegex("^\\s*```(csharp|cs)\\s*$")]
    private static partial Regex Fence();
}
