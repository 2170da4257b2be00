namespace Mosaik.Networking;

/// <summary>
/// A part of a node that rests on links: discovery, streams, groups. The network starts subsystems in order and stops
/// them in the opposite order (spec/wire.md §10.2, §10.4).
/// </summary>
/// <remarks>
/// Life: <see cref="StartAsync"/> → (accepting starts) → <see cref="OnOnline"/> → <see cref="LeaveAsync"/>, all
/// subsystems at the same time → (termination token cancelled) → <see cref="IAsyncDisposable.DisposeAsync"/>. After a
/// failed start or an abort only the last step comes. A driver that cannot go on calls <see cref="LocalNode.Fail"/>.
/// </remarks>
internal interface ISubsystem : IAsyncDisposable
{
    /// <summary>For log messages.</summary>
    string Name { get; }

    /// <summary>
    /// Registers protocols with <see cref="LocalNode.Router"/> and starts loops. Inbound work is served when it
    /// returns.
    /// </summary>
    ValueTask StartAsync(CancellationToken cancellationToken);

    /// <summary>The node is online for the first time: announcing may begin. Quick.</summary>
    void OnOnline();

    /// <summary>Says goodbye. Bounded by itself and by the token.</summary>
    ValueTask LeaveAsync(CancellationToken cancellationToken);
}
