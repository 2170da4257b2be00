using System.Net;
using Mosaik.Discovery;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Simulation.Discovery;

/// <summary>A place where a node runs: its key and address stay, its processes come and go.</summary>
internal sealed class SimulatedNode
{
    private long _lastFarewell = long.MinValue;

    public SimulatedNode(int index, SecretKey key, SimulationClock clock)
    {
        Index = index;
        Key = key;
        Clock = clock;
        EndPoint = new IPEndPoint(new IPAddress([10, 2, (byte)(index >> 8), (byte)index]), 4433);
    }

    public int Index { get; }

    public SecretKey Key { get; }

    public PeerId Id => Key.PeerId;

    public IPEndPoint EndPoint { get; }

    public SimulationClock Clock { get; }

    /// <summary>The process that runs; null while there is none.</summary>
    public Network? Process { get; set; }

    /// <summary>Ends when the address is free for the next process.</summary>
    public Task Ending { get; set; } = Task.CompletedTask;

    /// <summary>Whether it shall run. A process that is starting is not there yet.</summary>
    public bool IsWanted { get; set; }

    /// <summary>Counts its processes.</summary>
    public int Runs { get; set; }

    /// <summary>When the last process ended, in time of the world.</summary>
    public TimeSpan? EndedAt { get; set; }

    /// <summary>What this node sees, as its events tell it; null when nobody follows them.</summary>
    public CatalogObserver? Observer { get; set; }

    public CatalogState? State => Process?.Discovery.Driver.State;

    /// <summary>Its process is about to say goodbye.</summary>
    public void BeginLeaving() => _lastFarewell = Math.Max(_lastFarewell, Process!.Discovery.Me.Version.Start); // called while it runs

    /// <summary>Whether the process that started then said goodbye, or one after it.</summary>
    public bool HasSaidGoodbye(long start) => start <= _lastFarewell;

    public override string ToString() => $"n{Index} {Id:S}";
}
