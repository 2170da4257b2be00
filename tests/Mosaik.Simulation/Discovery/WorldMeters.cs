using System.Diagnostics.Metrics;

namespace Mosaik.Simulation.Discovery;

/// <summary>The instruments of one world, which go with it.</summary>
internal sealed class WorldMeters : IMeterFactory
{
    private readonly List<Meter> _meters = [];

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        if (_meters.Find(meter => meter.Name == options.Name) is { } known)
            return known;
        _meters.Add(new Meter(options));
        return _meters[^1];
    }

    public void Dispose()
    {
        foreach (Meter meter in _meters)
            meter.Dispose();
    }
}
