using System.Text;
using Mosaik.Groups;
using Mosaik.Groups.Raft;

namespace Mosaik.Simulation.Raft.Cluster;

/// <summary>A machine whose state is the list of the commands it has applied, as text.</summary>
internal sealed class JournalMachine : IRaftMachine
{
    private readonly List<string> _state = [];
    private readonly List<(ulong Index, Term Term)> _places = [];

    public LeadershipPreference Preference { get; set; }

    /// <summary>Whether it can be rebuilt.</summary>
    public bool IsResettable { get; set; } = true;

    /// <summary>How often it was rebuilt.</summary>
    public int Resets { get; private set; }

    public IReadOnlyList<string> State => _state;

    /// <summary>Where each command was said to stand when it was applied.</summary>
    public IReadOnlyList<(ulong Index, Term Term)> Places => _places;

    /// <summary>Replaces the state by that of another one.</summary>
    public void CopyFrom(JournalMachine other)
    {
        _state.Clear();
        _state.AddRange(other._state);
        _places.Clear();
        _places.AddRange(other._places);
    }

    public static ReadOnlyMemory<byte> Encode(string command) => Encoding.UTF8.GetBytes(command);

    public static string Decode(ReadOnlySpan<byte> command) => Encoding.UTF8.GetString(command);

    public void ApplyBatch(ReadOnlySpan<ReadOnlyMemory<byte>> commands, in RaftApplyContext context)
    {
        ulong index = context.Committed.Index.Value;
        foreach (ReadOnlyMemory<byte> command in commands)
        {
            _state.Add(Decode(command.Span));
            _places.Add((++index, context.Term));
        }
    }

    public bool TryReset()
    {
        if (!IsResettable)
            return false;
        _state.Clear();
        _places.Clear();
        Resets++;
        return true;
    }

    public bool TryQuery(ReadOnlyMemory<byte> query, out ReadOnlyMemory<byte> result, out Exception? error)
    {
        result = Encode(string.Join(',', _state));
        error = null;
        return true;
    }

    public bool IsWellFormed(ReadOnlySpan<byte> command) => !command.StartsWith("malformed"u8);
}
