namespace Mosaik.Quic.Driver;

/// <summary>Something that has to happen inside a turn of the driver.</summary>
internal interface IWork
{
    /// <summary>Link of <see cref="WorkQueue"/>; belongs to it while the item is queued.</summary>
    IWork? Next { get; set; }

    /// <summary>Does it. Called by the owner of the turn; throws nothing.</summary>
    void Run();
}
