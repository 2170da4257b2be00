namespace Mosaik.Groups.Bonds;

/// <summary>The loop that owns a group's state, as its bonds see it.</summary>
internal interface IGroupLoop
{
    /// <summary>Runs something on the loop, waiting for room only. False when the loop has ended: it will not run.</summary>
    ValueTask<bool> PostAsync(Action body);

    /// <summary>Asks something on the loop; false also when the loop has ended.</summary>
    ValueTask<bool> AskAsync(Func<bool> question);

    /// <summary>There is something to look at. From any thread.</summary>
    void Wake();

    /// <summary>A bond was made; one with the same peer is replaced. On the loop.</summary>
    void OnBondUp(BondConnection bond);

    /// <summary>A bond has ended. On the loop.</summary>
    void OnBondDown(BondConnection bond);

    /// <summary>Whether this node's own tickets satisfy the group. On the loop.</summary>
    void OnAuthorized(bool isAuthorized);
}
