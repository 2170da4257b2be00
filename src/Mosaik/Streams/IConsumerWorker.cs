namespace Mosaik.Streams;

/// <summary>A consumer's worker without its type, as the network stops it.</summary>
internal interface IConsumerWorker
{
    /// <summary>Asks it to stop.</summary>
    void BeginStop();

    /// <summary>Completes when all its links are closed.</summary>
    ValueTask StoppedAsync();
}
