using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>A joined group: what all its handles on this node share.</summary>
internal abstract class GroupInstance(GroupDriver driver, GroupOptions options)
{
    public GroupDriver Driver => driver;

    public GroupOptions Options => options;

    public GroupId Id => driver.GroupId;

    /// <summary>The CLR type of the machine.</summary>
    public abstract Type MachineType { get; }

    /// <summary>How many handles are open. Under the lock of the network's groups.</summary>
    public int Handles { get; set; }
}

/// <summary>The same with its types.</summary>
internal sealed class GroupInstance<TCommand, TQuery, TResult>(
    GroupDriver driver, GroupOptions options, GroupMachine<TCommand, TQuery, TResult> machine)
    : GroupInstance(driver, options)
{
    public GroupMachine<TCommand, TQuery, TResult> Machine => machine;

    public override Type MachineType { get; } = machine.MachineType;
}
