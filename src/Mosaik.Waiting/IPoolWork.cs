namespace Mosaik.Waiting;

/// <summary>A continuation that a thread of the pool runs, or another one in its place.</summary>
internal interface IPoolWork : IThreadPoolWorkItem
{
    /// <summary>Runs it, and nothing behind it.</summary>
    void Run();
}
