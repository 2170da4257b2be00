namespace Mosaik.Testing;

/// <summary>
/// Something under way from one end of a connection to the other; under the network's lock. What was cut off on its way is
/// kept and sent anew.
/// </summary>
internal abstract class Delivery(InMemoryConnection owner, int bytes) : DelayedAction
{
    /// <summary>The end that sends; without it nothing is kept.</summary>
    public InMemoryConnection Owner { get; protected set; } = owner;

    /// <summary>Bytes of stream data.</summary>
    public int Bytes { get; protected set; } = bytes;

    /// <inheritdoc/>
    public sealed override void Run() => Owner.Network.Arrive(this);

    /// <summary>It is there.</summary>
    public abstract void Arrive();
}
