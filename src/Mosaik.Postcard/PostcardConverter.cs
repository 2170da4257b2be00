namespace Mosaik.Postcard;

/// <summary>Writes and reads values of one type. Derive from <see cref="PostcardConverter{T}"/>.</summary>
public abstract class PostcardConverter
{
    private protected PostcardConverter()
    {
    }

    /// <summary>The type this converter is for.</summary>
    public abstract Type Type { get; }

    /// <summary>
    /// The fewest bytes a value can take. Collections are refused before memory is taken when their count times this
    /// size exceeds the input (LEN-3), so a number that is too large refuses good input, and 0 limits a collection to
    /// <see cref="PostcardReader.MaxEmptyElements"/> elements.
    /// </summary>
    public abstract int MinimumSize { get; }
}
