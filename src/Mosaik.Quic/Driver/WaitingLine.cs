namespace Mosaik.Quic.Driver;

/// <summary>Operations that wait for the same thing, first come first served. Belongs to the owner of the turn.</summary>
internal sealed class WaitingLine<T>
{
    private readonly LinkedList<DriverOperation<T>> _line = new();

    /// <summary>True when nobody waits.</summary>
    public bool IsEmpty => _line.Count == 0;

    /// <summary>Lines up an operation.</summary>
    public void Add(DriverOperation<T> operation)
    {
        operation.BeginWaiting();
        _line.AddLast(operation);
    }

    /// <summary>Takes an operation out, wherever it stands.</summary>
    public void Remove(DriverOperation<T> operation) => _line.Remove(operation);

    /// <summary>Takes the first one.</summary>
    public bool TryTake(out DriverOperation<T> operation)
    {
        if (_line.First is not { } first)
        {
            operation = null!; // only when false is returned
            return false;
        }
        operation = first.Value;
        _line.RemoveFirst();
        return true;
    }

    /// <summary>Ends all with the same exception.</summary>
    public void EndAllWith(Exception error)
    {
        while (TryTake(out var operation))
            operation.EndWith(error);
    }
}
