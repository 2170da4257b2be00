namespace Mosaik.Testing;

/// <summary>Something that happens later: one object, where a closure and a delegate would be made each time.</summary>
internal abstract class DelayedAction
{
    /// <summary>It is time.</summary>
    public abstract void Run();
}
