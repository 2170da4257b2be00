namespace Mosaik.Networking;

/// <summary>Which relay servers a node may use to be reached.</summary>
/// <remarks>A build without a relay client treats every mode as <see cref="Disabled"/> and says so once in the
/// log.</remarks>
public abstract record RelayMode
{
    private RelayMode()
    {
    }

    /// <summary>The public relays of n0.</summary>
    public static RelayMode Default { get; } = new PublicRelays();

    /// <summary>None.</summary>
    public static RelayMode Disabled { get; } = new NoRelays();

    /// <summary>The relays of one's own.</summary>
    /// <param name="urls">Canonical URLs, at least one.</param>
    /// <returns>The mode.</returns>
    public static RelayMode Custom(params IReadOnlyList<string> urls) => new CustomRelays(urls);

    internal sealed record PublicRelays : RelayMode;

    internal sealed record NoRelays : RelayMode;

    internal sealed record CustomRelays(IReadOnlyList<string> Urls) : RelayMode;
}
