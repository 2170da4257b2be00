using System.Runtime.InteropServices;
using Mosaik.Waiting;

namespace Mosaik.Groups;

/// <summary>Something to run on a group's loop, and who waits for its answer.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct LoopItem(Action Body, Completion<bool>? Answer)
{
    /// <summary>Runs it. If it fails so does the loop, but nobody waits for ever.</summary>
    public void Run()
    {
        try
        {
            Body();
        }
        finally
        {
            Abandon(); // without effect once there is an answer
        }
    }

    /// <summary>It will not run.</summary>
    public void Abandon() => Answer?.TrySetResult(false);
}
