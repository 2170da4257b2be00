using Microsoft.Extensions.Logging;

namespace Mosaik.Primitives;

/// <summary>
/// Wire names for one node, with the warning that spec/wire.md §2 asks for: once per type whose name is its CLR name,
/// because
/// renaming or moving such a type changes the ids derived from it.
/// </summary>
internal sealed partial class WireNameResolver(ILogger logger)
{
    private readonly Lock _lock = new();
    private readonly HashSet<Type> _warned = [];

    /// <summary>The wire name of a type.</summary>
    public string Resolve(Type type)
    {
        var derived = new List<Type>();
        string name = WireNames.Of(type, derived);
        foreach (Type one in derived)
        {
            bool first;
            lock (_lock)
                first = _warned.Add(one);
            if (first)
                LogDerivedName(one, WireNames.Of(one));
        }
        return name;
    }

    /// <summary>The default stream id of a type.</summary>
    public StreamId StreamIdOf(Type type) => StreamId.From(Resolve(type));

    [LoggerMessage(1100, LogLevel.Warning,
        "{Type} is known on the wire by its CLR name {WireName}. Renaming or moving it changes the ids derived from it; " +
        "give it a [WireName] or use explicit ids.")]
    private partial void LogDerivedName(Type type, string wireName);
}
