using System.Collections.Immutable;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// This node's own entry: changed from any thread, visible at once, signed when somebody needs the signature
/// (spec/discovery.md §7).
/// </summary>
/// <remarks>
/// <para>The whole state is one immutable object replaced by compare-and-swap, so that nothing is hashed or signed
/// under a
/// lock and a change never waits for a signature.</para>
/// <para>The high-water mark is the greatest version this run has assigned to anything it signs: published entries,
/// ping
/// answers, departures (§3). Every newly signed version is the next one after it. A pending entry gets its version when
/// it is
/// signed, not when it is changed, so that changes within a window cost one version and one signature.</para>
/// <para>It has no timer: the owner of the window calls <see cref="Sign"/> when it ends.</para>
/// </remarks>
internal sealed class LocalEntry
{
    /// <summary>Most tickets of the own entry (spec/reliability.md §12.1).</summary>
    public const int MaxTickets = 16;

    /// <summary>Most bytes of ticket data in the own entry.</summary>
    public const int MaxTicketBytes = 64 * 1024;

    private readonly SecretKey _secretKey;
    private Snapshot _state;

    /// <summary>Creates and signs the first entry; its version is (now, now).</summary>
    public LocalEntry(
        SecretKey secretKey, NetworkId networkId, EndpointAddress address, ImmutableArray<Tag> tags, long nowMs)
    {
        _secretKey = secretKey;
        PeerVersion first = PeerVersion.First(nowMs);
        PeerEntry entry = PeerEntry.Create(networkId, address, first)
            .AddTags(DateTimeOffset.UnixEpoch, tags.AsSpan())
            .WithVersion(first);
        _state = new Snapshot(entry, entry.Sign(secretKey), first, Pending: false, Forced: false, Assigned: false);
    }

    /// <summary>
    /// Called after every change of the content, by the thread that made it. Must be quick and not throw.
    /// </summary>
    public Action? Changed { get; set; }

    /// <summary>The entry with all changes made so far; possibly not signed yet.</summary>
    public PeerEntry Entry => Volatile.Read(ref _state).Entry;

    /// <summary>The greatest version assigned so far.</summary>
    public PeerVersion HighWater => Volatile.Read(ref _state).HighWater;

    /// <summary>The entry signed last.</summary>
    public SignedPeerEntry LastSigned => Volatile.Read(ref _state).LastSigned;

    /// <summary>
    /// Applies a change; false when it changed nothing, and then nothing will be signed or announced.
    /// </summary>
    public bool Change(Func<PeerEntry, PeerEntry> change)
    {
        while (true)
        {
            Snapshot state = Volatile.Read(ref _state);
            PeerEntry changed = change(state.Entry);
            if (ReferenceEquals(changed, state.Entry) || changed.ContentEquals(state.Entry))
                return false;
            CheckTickets(changed);
            // Undone before anybody saw it signed: there is nothing to publish.
            bool undone = !state.Forced && changed.ContentEquals(state.LastSigned.Entry);
            Snapshot next = undone
                ? state with { Entry = state.LastSigned.Entry, Pending = false, Assigned = false }
                : state with { Entry = changed, Pending = true, Assigned = false };
            if (!TryReplace(state, next))
                continue;
            Changed?.Invoke();
            return true;
        }
    }

    /// <summary>
    /// The signed form of the entry with all changes made so far. Signs only if there is something to sign.
    /// </summary>
    public SignedPeerEntry Sign(long nowMs)
    {
        while (true)
        {
            Snapshot state = Volatile.Read(ref _state);
            if (!state.Pending)
                return state.LastSigned;
            // An assigned version is no longer good once something else was signed with a later one.
            if (!state.Assigned || state.Entry.Version != state.HighWater)
            {
                PeerVersion version = state.HighWater.Next(nowMs);
                TryReplace(state, state with { Entry = state.Entry.WithVersion(version), HighWater = version, Assigned = true });
                continue;
            }
            SignedPeerEntry signed = state.Entry.Sign(_secretKey);
            var next = new Snapshot(signed.Entry, signed, state.HighWater, Pending: false, Forced: false, Assigned: false);
            if (TryReplace(state, next))
                return signed;
        }
    }

    /// <summary>Advances the version without a change of content: a keep-alive.</summary>
    public SignedPeerEntry Restamp(long nowMs)
    {
        while (true)
        {
            Snapshot state = Volatile.Read(ref _state);
            if (TryReplace(state, state with { Pending = true, Forced = true, Assigned = false }))
                return Sign(nowMs);
        }
    }

    /// <summary>
    /// The current content under a fresh version, signed for one answer: newer than everything published before, but
    /// neither
    /// stored nor announced (spec/discovery.md §10.1).
    /// </summary>
    public SignedPeerEntry SignForAnswer(long nowMs)
    {
        while (true)
        {
            Snapshot state = Volatile.Read(ref _state);
            PeerVersion version = state.HighWater.Next(nowMs);
            if (TryReplace(state, state with { HighWater = version }))
                return state.Entry.WithVersion(version).Sign(_secretKey);
        }
    }

    /// <summary>Signs a departure with a fresh version.</summary>
    public Departure SignDeparture(DateTimeOffset now)
    {
        while (true)
        {
            Snapshot state = Volatile.Read(ref _state);
            PeerVersion version = state.HighWater.Next(now.ToUnixTimeMilliseconds());
            if (TryReplace(state, state with { HighWater = version }))
                return Departure.Sign(_secretKey, version, now);
        }
    }

    /// <summary>
    /// Moves past a version of ourselves that an earlier run with a faster clock has left behind (§12.3).
    /// </summary>
    public SignedPeerEntry Overtake(PeerVersion foreign, long nowMs)
    {
        while (true)
        {
            Snapshot state = Volatile.Read(ref _state);
            if (!foreign.IsNewerThan(state.HighWater))
                return Sign(nowMs);
            var version = new PeerVersion(Saturating.Add(foreign.Start, 1), Math.Max(nowMs, foreign.Update));
            Snapshot next = state with
            {
                Entry = state.Entry.WithVersion(version),
                HighWater = version,
                Pending = true,
                Forced = true,
                Assigned = true,
            };
            if (TryReplace(state, next))
                return Sign(nowMs);
        }
    }

    /// <summary>
    /// The wall clock was put forward: the entry begins anew at the time it shows now, as if the process had started then.
    /// Started under a clock that was behind, it would be taken for a run before one that has left since.
    /// </summary>
    public SignedPeerEntry BeginRun(long nowMs) => Overtake(new PeerVersion(nowMs - 1, nowMs - 1), nowMs);

    private static void CheckTickets(PeerEntry entry)
    {
        int count = entry.Layout.TicketCount;
        if (count == 0)
            return;
        long bytes = entry.Tickets.Values.Sum(static t => (long)t.Data.Length);
        if (count > MaxTickets || bytes > MaxTicketBytes)
            throw new TicketLimitException(count, bytes);
    }

    private bool TryReplace(Snapshot state, Snapshot next) =>
        ReferenceEquals(Interlocked.CompareExchange(ref _state, next, state), state);

    /// <param name="Entry">The entry with all changes.</param>
    /// <param name="LastSigned">What was signed last; its entry is <paramref name="Entry"/> unless pending.</param>
    /// <param name="HighWater">The greatest version assigned.</param>
    /// <param name="Pending">The entry is to be signed.</param>
    /// <param name="Forced">Even if its content is that of the one signed last.</param>
    /// <param name="Assigned">The entry carries the version it will be signed with.</param>
    private sealed record Snapshot(
        PeerEntry Entry, SignedPeerEntry LastSigned, PeerVersion HighWater, bool Pending, bool Forced, bool Assigned);
}
