using System.Diagnostics.Metrics;

namespace Mosaik.Simulation.Streams;

/// <summary>The meters of one node, and a listener that adds up the datums it says it has dropped.</summary>
internal sealed class DropCounter : IMeterFactory
{
    private const string Dropped = "mosaik.streams.producer.items.dropped";

    private readonly List<Meter> _meters = [];
    private readonly MeterListener _listener = new();

    public DropCounter()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == Dropped && instrument.Meter.Scope == this)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((_, value, _, _) => Count += value);
        _listener.Start();
    }

    /// <summary>Datums that were dropped.</summary>
    public long Count { get; private set; }

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        var meter = new Meter(options);
        _meters.Add(meter);
        return meter;
    }

    public void Dispose()
    {
        _listener.Dispose();
        foreach (Meter meter in _meters)
            meter.Dispose();
    }
}
