using Mosaik.Postcard;

namespace Mosaik.Groups.Raft;

/// <summary>
/// What an entry says about the roster, and the entries of profiles that have kinds (spec/groups-safety.md §6).
/// </summary>
/// <param name="Change">What it does.</param>
/// <param name="Subject">Who is added or removed; none in the founding entry.</param>
/// <param name="Roster">The complete roster from here on.</param>
internal sealed record RosterEntry(RosterChangeKind Change, GroupMember Subject, Roster Roster)
{
    private static readonly ReadOnlyMemory<byte> NoOpEntry = new byte[] { (byte)EntryKind.NoOp };

    public static ReadOnlyMemory<byte> NoOp => NoOpEntry;

    /// <summary>A command behind its kind.</summary>
    public static ReadOnlyMemory<byte> Command(ReadOnlySpan<byte> command)
    {
        var entry = new byte[1 + command.Length];
        command.CopyTo(entry.AsSpan(1));
        return entry;
    }

    /// <summary>
    /// Whether an entry has a form that may be in the log of a group of n voters, whatever stands before it.
    /// </summary>
    public static bool IsWellFormed(ReadOnlySpan<byte> entry, int voters)
    {
        if (entry.IsEmpty)
            return false;
        return (EntryKind)entry[0] switch
        {
            EntryKind.Command => true,
            EntryKind.NoOp => entry.Length == 1,
            EntryKind.Founding or EntryKind.RosterChange => TryRead(entry, voters, out _),
            _ => false,
        };
    }

    /// <summary>Whether an entry is about the roster.</summary>
    public static bool IsAboutRoster(ReadOnlySpan<byte> entry) =>
        !entry.IsEmpty && (EntryKind)entry[0] is EntryKind.Founding or EntryKind.RosterChange;

    public ReadOnlyMemory<byte> Encode()
    {
        var room = new byte[2 + GroupMember.Length + 5 + (Roster.Count * GroupMember.Length)];
        var writer = new PostcardWriter(room);
        if (Change == RosterChangeKind.Founding)
        {
            writer.WriteByte((byte)EntryKind.Founding);
        }
        else
        {
            writer.WriteByte((byte)EntryKind.RosterChange);
            writer.WriteByte(Change == RosterChangeKind.Add ? (byte)0 : (byte)1);
            Subject.Write(ref writer);
        }

        writer.WriteCount(Roster.Count);
        foreach (GroupMember member in Roster.Members)
            member.Write(ref writer);
        return room.AsMemory(0, writer.Position);
    }

    /// <summary>Reads an entry about the roster of a group of n voters.</summary>
    public static bool TryRead(ReadOnlySpan<byte> entry, int voters, out RosterEntry? value)
    {
        value = null;
        var reader = new PostcardReader(entry, PostcardForm.Canonical);
        if (!reader.TryReadByte(out byte kind))
            return false;
        var change = RosterChangeKind.Founding;
        GroupMember subject = default;
        if ((EntryKind)kind == EntryKind.RosterChange)
        {
            if (!reader.TryReadByte(out byte operation) || operation > 1 || !GroupMember.TryRead(ref reader, out subject))
                return false;
            change = operation == 0 ? RosterChangeKind.Add : RosterChangeKind.Remove;
        }
        else if ((EntryKind)kind != EntryKind.Founding)
        {
            return false;
        }

        int expected = change == RosterChangeKind.Add ? voters + 1 : voters;
        if (!reader.TryReadCount(GroupMember.Length, out int count) || count != expected)
            return false;
        var members = new GroupMember[count];
        for (int i = 0; i < count; i++)
        {
            if (!GroupMember.TryRead(ref reader, out members[i]) || (i > 0 && members[i - 1] >= members[i]))
                return false;
        }

        var roster = new Roster(members);
        if (!reader.IsAtEnd || (change != RosterChangeKind.Founding
            && roster.Contains(subject) != (change == RosterChangeKind.Add)))
            return false;
        value = new RosterEntry(change, subject, roster);
        return true;
    }

    /// <summary>Whether it may follow the roster before it: it differs by exactly the named member.</summary>
    public bool Follows(Roster? before) => Change switch
    {
        RosterChangeKind.Founding => before is null,
        RosterChangeKind.Add => before is not null && before.Count == Roster.Count - 1 && before.With(Subject).IsSameAs(Roster),
        _ => before is not null && before.Count == Roster.Count + 1 && before.Without(Subject).IsSameAs(Roster),
    };
}

/// <summary>What an entry does to the roster.</summary>
internal enum RosterChangeKind
{
    /// <summary>It is the first one.</summary>
    Founding,

    /// <summary>One member more.</summary>
    Add,

    /// <summary>One member less.</summary>
    Remove,
}
