using Mosaik.Discovery;
using Mosaik.Groups.Raft;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>The groups of a network: <c>network.Groups</c>. Thread-safe.</summary>
/// <remarks>
/// What the node's entry lists follows the table of groups: both change under one lock, so that a group that is left and
/// joined again at the same moment stays listed.
/// </remarks>
public sealed class NetworkGroups
{
    private readonly Lock _lock = new();
    private readonly Dictionary<GroupId, GroupInstance> _groups = [];
    private readonly List<Task> _leaving = [];
    private readonly WireNameResolver _names;
    private bool _stopped;

    internal NetworkGroups(GroupsContext context)
    {
        Context = context;
        _names = new WireNameResolver(context.Logger);
    }

    internal GroupsContext Context { get; }

    /// <summary>
    /// Joins a group with a machine. If a committed entry must be taken back, the machine is rebuilt only if it is
    /// <see cref="IResettable"/>; the other overload takes a factory.
    /// </summary>
    /// <param name="key">The group's key.</param>
    /// <param name="machine">The machine, in its initial state; belongs to the group from now on.</param>
    /// <param name="options">Settings; null = the defaults.</param>
    /// <typeparam name="TCommand">What changes the state.</typeparam>
    /// <typeparam name="TQuery">A question.</typeparam>
    /// <typeparam name="TResult">The answer.</typeparam>
    /// <returns>
    /// A handle, at once: everything else happens in the background. Joining a group this node is a member of already gives
    /// another handle to the same instance; the new machine and what differs in the options are not used.
    /// </returns>
    /// <exception cref="MosaikConfigurationException">
    /// A setting cannot work, or the group was joined with another type of machine.
    /// </exception>
    /// <exception cref="NetworkClosedException">The network is stopping.</exception>
    public Group<TCommand, TQuery, TResult> Join<TCommand, TQuery, TResult>(
        GroupKey key, IStateMachine<TCommand, TQuery, TResult> machine, GroupOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return Join(key, machine, null, options);
    }

    /// <summary>Joins a group with a factory of machines, so that the machine can be rebuilt.</summary>
    /// <param name="key">The group's key.</param>
    /// <param name="machineFactory">Makes a machine in its initial state; called at once, and again for every rebuild.</param>
    /// <param name="options">Settings; null = the defaults.</param>
    /// <typeparam name="TCommand">What changes the state.</typeparam>
    /// <typeparam name="TQuery">A question.</typeparam>
    /// <typeparam name="TResult">The answer.</typeparam>
    /// <returns>A handle.</returns>
    /// <exception cref="MosaikConfigurationException">
    /// A setting cannot work, or the group was joined with another type of machine.
    /// </exception>
    /// <exception cref="NetworkClosedException">The network is stopping.</exception>
    public Group<TCommand, TQuery, TResult> Join<TCommand, TQuery, TResult>(
        GroupKey key, Func<IStateMachine<TCommand, TQuery, TResult>> machineFactory, GroupOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(machineFactory);
        var machine = machineFactory() ?? throw new ArgumentException("The factory made no machine.", nameof(machineFactory));
        return Join(key, machine, machineFactory, options);
    }

    /// <summary>Joins a group without state: its members elect a leader, and that is all.</summary>
    /// <param name="key">The group's key.</param>
    /// <param name="options">Settings; null = the defaults.</param>
    /// <returns>A handle.</returns>
    /// <exception cref="MosaikConfigurationException">A setting cannot work.</exception>
    /// <exception cref="NetworkClosedException">The network is stopping.</exception>
    public Group<Unit, Unit, Unit> Join(GroupKey key, GroupOptions? options = null) => Join(key, new NoOp(), options);

    /// <summary>A group of this node, for the acceptor.</summary>
    internal GroupDriver? Find(GroupId group)
    {
        lock (_lock)
            return _groups.GetValueOrDefault(group)?.Driver;
    }

    /// <summary>The catalog has changed.</summary>
    internal void OnCatalogUpdate(CatalogUpdate update)
    {
        GroupInstance[] groups;
        lock (_lock)
            groups = [.. _groups.Values];
        foreach (var group in groups)
            group.Driver.OnCatalogUpdate(update);
    }

    /// <summary>A handle was closed; the last one takes its group with it.</summary>
    internal async ValueTask ReleaseAsync(GroupInstance instance)
    {
        lock (_lock)
        {
            if (--instance.Handles > 0)
                return;
            RemoveUnderLock(instance, isGraceful: true);
        }

        await instance.Driver.StopAsync(isGraceful: true).ConfigureAwait(false); // begun above
    }

    /// <summary>Leaves all groups, and waits for those that are being left. May be called again.</summary>
    internal async ValueTask StopAsync(bool isGraceful)
    {
        Task[] leaving;
        lock (_lock)
        {
            _stopped = true;
            foreach (var instance in _groups.Values.ToArray())
                RemoveUnderLock(instance, isGraceful);
            leaving = [.. _leaving];
        }

        await Task.WhenAll(leaving).ConfigureAwait(false);
    }

    private static string Differences(GroupOptions first, GroupOptions second)
    {
        List<string> names = ["machine"];
        if (first.Consensus != second.Consensus)
            names.Add(nameof(GroupOptions.Consensus));
        if (first with { Consensus = second.Consensus, Tickets = second.Tickets } != second)
            names.Add("other options");
        return string.Join(" and ", names);
    }

    private Group<TCommand, TQuery, TResult> Join<TCommand, TQuery, TResult>(
        GroupKey key,
        IStateMachine<TCommand, TQuery, TResult> machine,
        Func<IStateMachine<TCommand, TQuery, TResult>>? factory,
        GroupOptions? options)
    {
        ArgumentNullException.ThrowIfNull(key);
        options ??= new GroupOptions();
        options.Validate();
        if (options.Safety.Digest is not null && options.Role == GroupRole.Voter && machine.Preference.IsObserver)
            throw new MosaikConfigurationException(nameof(GroupOptions.Role), "must be Learner for a machine that observes only");
        var sync = machine.StateSync;
        if (sync is LogReplaySync replay)
            replay.Validate();
        else if (sync is not ISyncSchemeSource)
            throw new MosaikConfigurationException(
                nameof(machine.StateSync), $"is {sync?.GetType().Name ?? "null"}; groups catch up by {nameof(LogReplaySync)}");
        _names.Resolve(machine.GetType());
        var id = GroupIdentity.IdOf(
            key, options.Consensus, machine.Signature, sync.Signature, options.Tickets, options.Safety);
        lock (_lock)
        {
            if (_stopped)
                throw new NetworkClosedException();
            if (_groups.TryGetValue(id, out var existing))
                return Again<TCommand, TQuery, TResult>(existing, machine.GetType(), options);
            var instance = Create(key, id, machine, factory, options, sync);
            _groups[id] = instance;
            instance.Handles = 1;
            instance.Driver.Start();
            Context.Discovery.AddGroups(id);
            return new Group<TCommand, TQuery, TResult>(this, instance);
        }
    }

    private Group<TCommand, TQuery, TResult> Again<TCommand, TQuery, TResult>(
        GroupInstance existing, Type machineType, GroupOptions options)
    {
        if (existing is not GroupInstance<TCommand, TQuery, TResult> same || existing.MachineType != machineType)
            throw new MosaikConfigurationException(
                "machine", $"is a {machineType.Name}, but the group was joined with a {existing.MachineType.Name}");
        GroupsLog.JoinedAgain(Context.Logger, existing.Id, Differences(existing.Options, options));
        existing.Handles++;
        return new Group<TCommand, TQuery, TResult>(this, same);
    }

    private GroupInstance<TCommand, TQuery, TResult> Create<TCommand, TQuery, TResult>(
        GroupKey key,
        GroupId id,
        IStateMachine<TCommand, TQuery, TResult> machine,
        Func<IStateMachine<TCommand, TQuery, TResult>>? factory,
        GroupOptions options,
        IStateSync sync)
    {
        var context = new GroupContext(Context, key, id, options, new GroupMetrics(Context.Meter, Context.NetworkId, id))
        {
            RequiresExtendedPeers = machine.RequiresExtendedPeers,
        };
        var adapter = new GroupMachine<TCommand, TQuery, TResult>(machine, factory)
        {
            GroupId = id,
            NetworkId = Context.NetworkId,
        };
        var log = options.LogStore ?? new InMemoryLogStore();
        var scheme = (sync as ISyncSchemeSource)?.CreateScheme();
        var driver = new GroupDriver(context, log, adapter, SettingsOf(context, sync as LogReplaySync), scheme, OnFailed);
        return new GroupInstance<TCommand, TQuery, TResult>(driver, options, adapter);
    }

    private static RaftSettings SettingsOf(GroupContext context, LogReplaySync? replay)
    {
        var (options, consensus) = (context.Options, context.Options.Consensus);
        var settings = new RaftSettings
        {
            Self = context.LocalId,
            Incarnation = context.Incarnation,
            Voters = options.Safety is Safety.MajorityProfile majority ? majority.Size : 0,
            IsVoter = options.Role != GroupRole.Learner,
            HeartbeatInterval = consensus.HeartbeatInterval,
            ElectionTimeout = consensus.ElectionTimeout,
            ElectionTimeoutJitter = consensus.ElectionTimeoutJitter,
            BootstrapDelay = consensus.BootstrapDelay,
            ForwardTimeout = consensus.ForwardTimeout,
            QueryTimeout = consensus.QueryTimeout,
            VoterReplacementDelay = options.VoterReplacementDelay,
            VerifyEntryBytes = options.VerifyEntryBytes,
            MaxBatchBytes = options.MaxBatchBytes,
            MaxBatchCommands = options.MaxBatchCommands,
            MaxBufferedBytes = options.MaxBufferedBytes,
        };
        return replay is null
            ? settings
            : settings with { ReplayBatchSize = replay.BatchSize, ReplayFetchTimeout = replay.FetchTimeout };
    }

    private void OnFailed(GroupDriver driver)
    {
        lock (_lock)
        {
            if (_groups.TryGetValue(driver.GroupId, out var instance) && instance.Driver == driver)
                RemoveUnderLock(instance, isGraceful: false);
        }
    }

    private void RemoveUnderLock(GroupInstance instance, bool isGraceful)
    {
        if (!_groups.TryGetValue(instance.Id, out var current) || current != instance)
            return;
        _groups.Remove(instance.Id);

        // Ids withdrawn while the whole network leaves are not announced again (spec/wire.md §10.4).
        if (!_stopped)
            Context.Discovery.RemoveGroups(instance.Id);
        _leaving.RemoveAll(static task => task.IsCompletedSuccessfully);
        _leaving.Add(instance.Driver.StopAsync(isGraceful));
    }
}
