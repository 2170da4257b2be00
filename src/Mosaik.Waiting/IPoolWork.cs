namespace Mosaik.Waiting;

/// <summary>A continuation that a thread of the pool runs.</summary>
internal interface IPoolWork
{
    /// <summary>Runs it.</summary>
    void Run();
}
