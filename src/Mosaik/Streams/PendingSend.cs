using Mosaik.Waiting;

namespace Mosaik.Streams;

/// <summary>A sender that waits in line for room or for the producer to come online.</summary>
/// <remarks>All but <see cref="Completion"/> is guarded by the sink's lock.</remarks>
internal sealed class PendingSend<T>
{
    /// <summary>A sender with its datum, encoded already unless nobody was subscribed.</summary>
    public PendingSend(T datum, DatumFrame? frame, ProducerHandle handle, TaskScheduler scheduler)
        : this(handle, scheduler)
    {
        Datum = datum;
        Frame = frame;
        IsProbe = false;
    }

    /// <summary>Somebody who only wants to know when there is room.</summary>
    public PendingSend(ProducerHandle handle, TaskScheduler scheduler)
    {
        Handle = handle;
        Completion = new Completion(scheduler);
        IsProbe = true;
    }

    /// <summary>Whether there is no datum to publish.</summary>
    public bool IsProbe { get; }

    /// <summary>The value; kept for a sender that started to wait while nobody was subscribed.</summary>
    public T? Datum { get; }

    /// <summary>The encoded datum, or null as above.</summary>
    public DatumFrame? Frame { get; set; }

    /// <summary>The producer handle it came from.</summary>
    public ProducerHandle Handle { get; }

    /// <summary>Its place in the line; null once it was served or withdrawn.</summary>
    public LinkedListNode<PendingSend<T>>? Node { get; set; }

    /// <summary>Ends the wait.</summary>
    public Completion Completion { get; }
}
