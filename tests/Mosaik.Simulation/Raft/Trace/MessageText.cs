using System.Text;
using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Groups.Sync;
using Mosaik.Primitives;

namespace Mosaik.Simulation.Raft.Trace;

/// <summary>Messages and members as a person wants to read them.</summary>
internal static class MessageText
{
    public static string Of(byte[] message) => message.Length == 0 ? "nothing" : (RaftMessageKind)message[0] switch
    {
        RaftMessageKind.AppendEntries when AppendEntries.TryRead(message, true, out AppendEntries m) =>
            $"entries t{m.Term} behind {m.Previous}: {Entries(m.Entries)} commit {m.LeaderCommit}{Round(m.Tail.Round)}",
        RaftMessageKind.AppendEntriesResponse when AppendEntriesResponse.TryRead(message, true, out AppendEntriesResponse m) =>
            $"answer t{m.Term} {m.Vote} {m.LastIndex}{Round(m.Tail.Round)}",
        RaftMessageKind.RequestVote when RequestVote.TryRead(message, true, out RequestVote m) => $"vote for me in t{m.Term}, my last is {m.Last}",
        RaftMessageKind.RequestVoteResponse when RequestVoteResponse.TryRead(message, true, out RequestVoteResponse m) => $"vote t{m.Term} {m.Vote}",
        RaftMessageKind.Forward => Forward(ForwardMessage.Read(message, true)),
        RaftMessageKind.StateSync => Replay(ReplayMessage.Read(message, true)),
        _ => $"{message.Length} bytes that cannot be read",
    };

    /// <summary>The name of a simulated peer, which is in its id; restarts under another id have a number behind it.</summary>
    public static string Of(PeerId peer)
    {
        ReadOnlySpan<byte> bytes = peer.AsSpan();
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(bytes[..Math.Max(end, 0)]) + (bytes[^1] == 0 ? "" : $"'{bytes[^1]}");
    }

    public static string Of(GroupMember member) => $"{Of(member.PeerId)}/{member.Incarnation.ToString()[..4]}";

    private static string Round(ulong? round) => round is { } number ? $" round {number}" : "";

    private static string Entries(EntryBlock entries)
    {
        if (entries.Count == 0)
            return "none,";
        var text = new StringBuilder();
        foreach (LogEntry entry in entries)
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"t{entry.Term} {Printable(entry.Bytes.Span)}, ");
        return text.ToString().TrimEnd();
    }

    private static string Printable(ReadOnlySpan<byte> bytes)
    {
        const int Shown = 12;
        string text = string.Concat(bytes.ToArray().Take(Shown).Where(static b => b is > 32 and < 127).Select(static b => (char)b));
        return text.Length == 0 ? $"({bytes.Length} B)" : text;
    }

    private static string Forward(ForwardMessage? message) => message switch
    {
        ForwardMessage.Command m => $"please append {string.Join(',', m.Commands.Select(c => Printable(c.Span)))}",
        ForwardMessage.CommandAck m => $"appended at {m.Assigned}",
        ForwardMessage.Query => "query",
        ForwardMessage.QueryResponse m => $"answer to a query at {m.Position}",
        _ => "unreadable forward",
    };

    private static string Replay(ReplayMessage? message) => message switch
    {
        ReplayMessage.AvailabilityRequest => "what do you have?",
        ReplayMessage.AvailabilityResponse m => $"I have {m.Range}",
        ReplayMessage.FetchRequest m => $"send me {m.Range}",
        ReplayMessage.FetchResponse m => $"here is {m.Range}: {Entries(m.Entries)}",
        _ => "unreadable sync",
    };
}
