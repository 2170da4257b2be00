using System.Buffers.Binary;
using System.Collections.Immutable;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// What a group gives up when members are unreachable: consistency or progress (spec/groups.md §1, spec/groups-safety.md).
/// A closed set of profiles; all but <see cref="Available"/> change the group's id.
/// </summary>
public abstract record Safety
{
    private static readonly byte[] DigestLabel = "mosaik.net/groups/safety/1"u8.ToArray();

    private Safety()
    {
    }

    /// <summary>
    /// Progress in any partition, down to a single node; compatible with Rust. After communication is restored all logs and
    /// states become equal again, and every write that is taken back is announced. An acknowledged write can be lost.
    /// </summary>
    public static Safety Available { get; } = new AvailableProfile();

    /// <summary>The digest that enters the group's id; null for <see cref="Available"/>.</summary>
    internal abstract UniqueId? Digest { get; }

    /// <summary>
    /// An acknowledged write survives while a majority of <paramref name="size"/> voters keeps its memory; strong queries
    /// are linearizable; without a majority writes fail.
    /// </summary>
    /// <param name="size">The number of voters; at least 1.</param>
    /// <returns>The profile.</returns>
    public static Safety Majority(int size) => new MajorityProfile(size);

    /// <summary>
    /// Textbook Raft among named voters with durable logs. This build has no durable log store yet: joining with it is
    /// refused.
    /// </summary>
    /// <param name="voters">The voters.</param>
    /// <returns>The profile.</returns>
    public static Safety Strict(params IEnumerable<PeerId> voters) => new StrictProfile([.. voters]);

    /// <summary>Checks the profile's own values.</summary>
    /// <exception cref="MosaikConfigurationException">A value cannot work.</exception>
    internal virtual void Validate()
    {
    }

    /// <summary>spec/groups-safety.md §6.</summary>
    private static UniqueId DigestOf(byte profile, int size, byte preVote, IEnumerable<PeerId> voters)
    {
        var bytes = new List<byte>(DigestLabel) { profile };
        Span<byte> count = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(count, (uint)size);
        bytes.AddRange(count);
        bytes.Add(preVote);
        bytes.Add(0); // leases are not implemented
        foreach (var voter in voters)
            bytes.AddRange(voter.AsSpan());
        return UniqueId.Hash(bytes.ToArray());
    }

    /// <summary><see cref="Safety.Available"/>.</summary>
    public sealed record AvailableProfile : Safety
    {
        internal AvailableProfile()
        {
        }

        internal override UniqueId? Digest => null;
    }

    /// <summary><see cref="Safety.Majority"/>.</summary>
    public sealed record MajorityProfile : Safety
    {
        internal MajorityProfile(int size) => Size = size;

        /// <summary>The number of voters.</summary>
        public int Size { get; }

        internal override UniqueId? Digest => DigestOf(1, Size, 0, []);

        internal override void Validate()
        {
            if (Size < 1)
                throw new MosaikConfigurationException(nameof(GroupOptions.Safety), "needs at least 1 voter");
        }
    }

    /// <summary><see cref="Safety.Strict"/>.</summary>
    public sealed record StrictProfile : Safety
    {
        internal StrictProfile(IEnumerable<PeerId> voters) => Voters = [.. voters.Distinct().Order()];

        /// <summary>The voters, ascending.</summary>
        public ImmutableArray<PeerId> Voters { get; }

        internal override UniqueId? Digest => DigestOf(2, Voters.Length, 1, Voters);

        /// <inheritdoc/>
        public bool Equals(StrictProfile? other) => other is not null && Voters.SequenceEqual(other.Voters);

        /// <inheritdoc/>
        public override int GetHashCode() => Digest.GetHashCode();

        internal override void Validate() => throw new MosaikConfigurationException(
            nameof(GroupOptions.Safety), "is Strict, which needs a durable log store; this build has none");
    }
}
