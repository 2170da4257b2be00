using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Mosaik.Postcard.Tests;

/// <summary>A validated string, as an example of a type with a converter of its own.</summary>
[PostcardConverter(typeof(SemanticVersionConverter))]
public sealed record SemanticVersion(string Text);

public sealed partial class SemanticVersionConverter : PostcardConverter<SemanticVersion>
{
    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in SemanticVersion value) => writer.WriteString(value.Text);

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out SemanticVersion value)
    {
        var start = reader.Position;
        value = null;
        if (!reader.TryReadString(out var text))
            return false;
        if (!Syntax().IsMatch(text))
            return reader.Fail(PostcardError.InvalidValue, start);
        value = new SemanticVersion(text);
        return true;
    }

    [GeneratedRegex(
        @"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Syntax();
}
