using System.Text;
using Mosaik.Discovery;
using Mosaik.Groups;
using Mosaik.Primitives;

namespace Mosaik.Tests.Groups.Conformance;

/// <summary>spec/groups.md §18.2, 17–21, with tickets that name their end in milliseconds instead of JWT.</summary>
public abstract class AuthTests : GroupConformanceTests
{
    [Fact]
    public Task Authorized_peers_can_bond() => PlayAsync(async stage =>
    {
        var validator = new Validator("a", stage.Time);
        var nodes = await stage.StartManyAsync(4);
        nodes[0].Discovery.AddTicket(validator.Ticket("n0", 3600));
        nodes[1].Discovery.AddTicket(validator.Ticket("n1", 3600));
        nodes[2].Discovery.AddTicket(validator.Ticket("n2", -3600));
        var groups = nodes.Select(n => stage.Elect(n, options: Requires(validator))).ToArray();
        await stage.DiscoverAsync(nodes);
        await stage.WithinAsync(groups[0].Bonds.WhenAny(b => b.Count == 1).WaitAsync(), 8);
        await stage.WithinAsync(groups[1].Bonds.WhenAny(b => b.Count == 1).WaitAsync(), 8);
        await stage.SettleAsync(3);
        Assert.Equal(nodes[1].Local.Id, Assert.Single(groups[0].Bonds).PeerId);
        Assert.Equal(nodes[0].Local.Id, Assert.Single(groups[1].Bonds).PeerId);
        Assert.Empty(groups[2].Bonds);
        Assert.Empty(groups[3].Bonds);
        Assert.True(groups[0].When.Authorized().IsMet);
        Assert.False(groups[3].When.Authorized().IsMet);
    });

    [Fact]
    public Task Bond_terminated_on_ticket_revocation() => PlayAsync(async stage =>
    {
        var validator = new Validator("a", stage.Time);
        var (nodes, groups) = await PairAsync(stage, validator, 3600);
        Assert.True(groups[0].Bonds.TryGet(nodes[1].Local.Id, out var bond));
        nodes[1].Discovery.RemoveTicketsOf(validator.Class);
        await nodes[0].Discovery.FeedAsync(nodes[1].Discovery.Me);
        await stage.WithinAsync(new ValueTask<Mosaik.Networking.CloseCode>(bond.Terminated), 8);
        Assert.Empty(groups[0].Bonds);
        await stage.WithinAsync(groups[1].When.Authorized().Not().WaitAsync(), 1);
        var error = await Assert.ThrowsAsync<GroupOfflineException<Unit>>(async () => await groups[1].ExecuteAsync(default));
        Assert.Equal((OfflineOutcome.NotSubmitted, OfflineReason.Unauthorized), (error.Outcome, error.Reason));
    });

    [Fact]
    public Task Group_key_derived_from_validator() => PlayAsync(async stage =>
    {
        var validator = new Validator("a", stage.Time);
        var (nodes, groups) = (await stage.StartManyAsync(2), new List<Group<Unit, Unit, Unit>>());
        foreach (var node in nodes)
        {
            node.Discovery.AddTicket(validator.Ticket("x", 3600));
            groups.Add(stage.Elect(node, GroupKey.FromValidator(new Validator("a", stage.Time)), Requires(validator)));
        }

        Assert.Equal(groups[0].Id, groups[1].Id);
        await stage.DiscoverAsync(nodes);
        await stage.WithinAsync(groups[0].Bonds.WhenAny(b => b.Count == 1).WaitAsync(), 8);
    });

    [Fact]
    public Task Mismatched_auth_config_prevents_bonding() => PlayAsync(async stage =>
    {
        var (a, b) = (new Validator("a", stage.Time), new Validator("b", stage.Time));
        var nodes = await stage.StartManyAsync(2);
        foreach (var node in nodes)
        {
            node.Discovery.AddTicket(a.Ticket("x", 3600));
            node.Discovery.AddTicket(b.Ticket("x", 3600));
        }

        var (g0, g1) = (stage.Elect(nodes[0], options: Requires(a)), stage.Elect(nodes[1], options: Requires(b)));
        Assert.NotEqual(g0.Id, g1.Id);
        await stage.DiscoverAsync(nodes);
        await stage.SettleAsync(3);
        Assert.Empty(g0.Bonds);
        Assert.Empty(g1.Bonds);
    });

    [Fact]
    public Task Multiple_ticket_validators() => PlayAsync(async stage =>
    {
        var (a, b) = (new Validator("a", stage.Time), new Validator("b", stage.Time));
        var nodes = await stage.StartManyAsync(3);
        foreach (var node in nodes)
            node.Discovery.AddTicket(a.Ticket("x", 3600));
        foreach (var node in nodes[..2])
            node.Discovery.AddTicket(b.Ticket("x", 3600));
        var groups = nodes.Select(n => stage.Elect(n, options: Requires(a, b))).ToArray();
        await stage.DiscoverAsync(nodes);
        await stage.WithinAsync(groups[0].Bonds.WhenAny(x => x.Count == 1).WaitAsync(), 8);
        await stage.SettleAsync(3);
        Assert.Equal(nodes[1].Local.Id, Assert.Single(groups[0].Bonds).PeerId);
        Assert.Empty(groups[2].Bonds);
    });

    private static GroupOptions Requires(params ITicketValidator[] validators) => new() { Tickets = validators };

    private protected static async Task<(Network[] Nodes, Group<Unit, Unit, Unit>[] Groups)> PairAsync(
        GroupStage stage, Validator validator, double seconds)
    {
        var nodes = await stage.StartManyAsync(2);
        foreach (var node in nodes)
            node.Discovery.AddTicket(validator.Ticket("x", seconds));
        var groups = nodes.Select(n => stage.Elect(n, options: Requires(validator))).ToArray();
        await stage.DiscoverAsync(nodes);
        foreach (var group in groups)
        {
            await stage.WithinAsync(group.Bonds.WhenAny(b => b.Count == 1).WaitAsync(), 8);
            await stage.WithinAsync(group.When.Online().WaitAsync(), GroupWorld.T);
        }

        return (nodes, groups);
    }

    private protected sealed class Validator(string name, TimeProvider time) : ITicketValidator
    {
        public TicketClass Class => $"class {name}";

        public UniqueId Signature => UniqueId.From(name);

        public Ticket Ticket(string holder, double seconds) =>
            new(Class, Encoding.ASCII.GetBytes($"{holder} {(time.GetUtcNow() + TimeSpan.FromSeconds(seconds)).ToUnixTimeMilliseconds()}"));

        public bool TryValidate(ReadOnlySpan<byte> ticket, PeerEntry peer, out Expiration expiration)
        {
            var end = long.Parse(Encoding.ASCII.GetString(ticket).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
            expiration = Expiration.At(DateTimeOffset.FromUnixTimeMilliseconds(end));
            return !expiration.IsExpired(time.GetUtcNow());
        }
    }
}

/// <inheritdoc cref="AuthTests"/>
public sealed class AuthVirtualTests : AuthTests
{
    [Fact]
    public Task A_ticket_that_expires_ends_the_bond_on_both_sides() => PlayAsync(async stage =>
    {
        var validator = new Validator("a", stage.Time);
        var (_, groups) = await PairAsync(stage, validator, 30);
        await stage.SettleAsync(15);
        Assert.Single(groups[0].Bonds);
        await stage.WithinAsync(groups[0].Bonds.WhenAny(b => b.Count == 0).WaitAsync(), 16);
        await stage.WithinAsync(groups[1].When.Offline().WaitAsync(), 1);
        await stage.SettleAsync(5);
        Assert.Empty(groups[0].Bonds);
    });

    internal override Task PlayAsync(Func<GroupStage, Task> test) => PlayVirtuallyAsync(test);
}

/// <inheritdoc cref="AuthTests"/>
public sealed class AuthUdpTests : AuthTests
{
    internal override Task PlayAsync(Func<GroupStage, Task> test) => PlayOnUdpAsync(test);
}
