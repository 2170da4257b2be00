namespace Mosaik.Streams;

/// <summary>The writer of one subscription, as the fan-out core sees it: somebody to wake or to drop.</summary>
internal interface IBacklogOwner
{
    /// <summary>There is something to take again.</summary>
    void Wake();

    /// <summary>The same; the caller's thread may write what there is to write itself.</summary>
    void WriteOrWake();

    /// <summary>The subscription has left the active set because it lags.</summary>
    void DropLagging();
}
