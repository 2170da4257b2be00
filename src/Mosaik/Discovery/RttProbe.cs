namespace Mosaik.Discovery;

/// <summary>Which peers are pinged to learn their round-trip time (spec/discovery.md §10.3).</summary>
public enum RttProbe
{
    /// <summary>None; only connections that exist anyway are sampled.</summary>
    Never,

    /// <summary>
    /// Those whose round-trip time somebody needs: all when <see cref="DiscoveryOptions.MaxRtt"/> is set.
    /// </summary>
    WhenNeeded,

    /// <summary>Every fresh signed peer.</summary>
    Always,
}
