using System.Globalization;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Cli;

/// <summary>Peers as people read them: one line each, columns as wide as needed.</summary>
internal static class PeerTable
{
    private static readonly string[] Head = ["ID", "TAGS", "STREAMS", "GROUPS", "RTT", "AGE", "ADDRESS"];

    public static string Of(IEnumerable<PeerInfo> peers, DateTimeOffset now)
    {
        string[][] rows =
        [
            Head,
            .. peers.Select(peer => (string[])
            [
                peer.Id.ToString("S"),
                Ids(peer.Tags.Select(static t => t.ToString("S"))),
                Ids(peer.Streams.Select(static s => s.ToString("S"))),
                Ids(peer.Groups.Select(static g => g.ToString("S"))),
                peer.Rtt is { } rtt ? DurationText.Of(rtt) : "-",
                DurationText.Of(AgeOf(peer, now)),
                peer.Address.EndPoints.FirstOrDefault()?.ToString() ?? "-",
            ]),
        ];
        var widths = Enumerable.Range(0, Head.Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        return string.Join('\n', rows.Select(
            row => string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()));
    }

    /// <summary>The same as one JSON object; ids are whole.</summary>
    public static string JsonOf(PeerInfo peer, DateTimeOffset now, string? happened = null) => JsonLine.Of(
        ("event", happened),
        ("id", peer.Id),
        ("tags", peer.Tags.Select(static t => t.ToString())),
        ("streams", peer.Streams.Select(static s => s.ToString())),
        ("groups", peer.Groups.Select(static g => g.ToString())),
        ("addresses", peer.Address.Addresses.Select(static a => a.ToString())),
        ("started", peer.StartedAt.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)),
        ("rttMs", peer.Rtt is { } rtt ? Math.Round(rtt.TotalMilliseconds, 3) : null),
        ("ageMs", (long)AgeOf(peer, now).TotalMilliseconds));

    /// <summary>A peer that is gone.</summary>
    public static string JsonOfRemoved(PeerId id) => JsonLine.Of(("event", "removed"), ("id", id));

    /// <summary>Time since it last published its entry; another clock may be ahead of ours.</summary>
    private static TimeSpan AgeOf(PeerInfo peer, DateTimeOffset now) =>
        now > peer.UpdatedAt ? now - peer.UpdatedAt : TimeSpan.Zero;

    private static string Ids(IEnumerable<string> ids)
    {
        const int shown = 3;
        var all = ids.ToList();
        var text = string.Join(",", all.Take(shown));
        return all.Count == 0 ? "-"
            : all.Count > shown ? text + string.Create(CultureInfo.InvariantCulture, $",+{all.Count - shown}")
            : text;
    }
}
