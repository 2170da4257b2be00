using System.Collections.Immutable;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>A catalog and how it differs from the one the same watcher saw before.</summary>
/// <param name="Catalog">The catalog.</param>
/// <param name="Added">Peers that were not in the one before; in the first update all of them.</param>
/// <param name="Updated">Peers whose entry is another one.</param>
/// <param name="Removed">Peers that are gone.</param>
public sealed record CatalogUpdate(
    Catalog Catalog, ImmutableSortedSet<PeerId> Added, ImmutableSortedSet<PeerId> Updated, ImmutableSortedSet<PeerId> Removed);
