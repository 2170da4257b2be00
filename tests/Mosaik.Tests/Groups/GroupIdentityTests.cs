using Mosaik.Discovery;
using Mosaik.Groups;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Tests.Groups;

/// <summary>Keys, ids and options, against the vectors <c>identity/*</c> and <c>safety/*</c>.</summary>
public sealed class GroupIdentityTests
{
    private static readonly VectorFile Vectors = VectorFile.Load("groups.json");
    private static readonly GroupKey Key = GroupKey.FromSecret("group1secret");
    private static readonly UniqueId NoOpSignature = UniqueId.From("mosaik_noop_state_machine");

    [Fact]
    public void Keys_follow_the_from_string_rule()
    {
        Assert.Equal(Vectors["identity/digest-text"].Expected, Key.Secret.ToByteArray());
        Assert.Equal(Key, GroupKey.FromSecret(Key.Secret.ToString()));
        Assert.NotEqual(Key, GroupKey.Generate());
        Assert.Equal("c5****50", Key.ToString());
        Assert.Equal(Vectors["identity/uid-u8"].Expected, UniqueId.FromByte(2).ToByteArray());
    }

    [Fact]
    public void The_key_of_a_validator_is_its_signature() =>
        Assert.Equal(GroupKey.FromSecret(UniqueId.From("v1")), GroupKey.FromValidator(new Validator("v1")));

    [Theory, InlineData("identity/consensus-default"), InlineData("identity/consensus-250-50-4")]
    public void The_consensus_digest_is_that_of_the_vector(string name)
    {
        var vector = Vectors[name];
        var options = new ConsensusOptions
        {
            HeartbeatInterval = TimeSpan.FromMilliseconds(vector.Int64("heartbeatIntervalMs")),
            HeartbeatJitter = TimeSpan.FromMilliseconds(vector.Int64("heartbeatJitterMs")),
            MaxMissedHeartbeats = (uint)vector.Int64("maxMissedHeartbeats"),
        };
        Assert.Equal(vector.Expected, GroupIdentity.ConsensusDigest(options).ToByteArray());
    }

    [Fact]
    public void Signatures_of_log_replay_are_those_of_the_vectors()
    {
        Assert.Equal(Vectors["identity/noop-signature"].Expected, NoOpSignature.ToByteArray());
        Assert.Equal(Vectors["identity/logreplay-noop"].Expected, new LogReplaySync(typeof(RustNoOp)).Signature.ToByteArray());
        Assert.Equal(Vectors["identity/logreplay-orderbook"].Expected, new LogReplaySync(typeof(OrderBook)).Signature.ToByteArray());
        Assert.Equal(Vectors["identity/orderbook-signature"].Expected, UniqueId.From("orderbook_state_machine").ToByteArray());
    }

    [Fact]
    public void Ids_are_those_of_the_vectors()
    {
        Assert.Equal(Vectors["identity/groupid-noop"].Expected, NoOpId().ToByteArray());
        Assert.Equal(Vectors["identity/groupid-noop-validator"].Expected, NoOpId(validators: [new Validator("v1")]).ToByteArray());
        var book = GroupIdentity.IdOf(
            Key, new(), UniqueId.From("orderbook_state_machine"), new LogReplaySync(typeof(OrderBook)).Signature, [], Safety.Available);
        Assert.Equal(Vectors["identity/groupid-orderbook"].Expected, book.ToByteArray());
    }

    [Fact]
    public void Profiles_change_the_id_as_the_vectors_say()
    {
        var strict = Safety.Strict(PeerIdOf(0x33), PeerIdOf(0x11), PeerIdOf(0x22));
        var majority = Safety.Majority(3);
        Assert.Null(Safety.Available.Digest);
        Assert.Equal(Vectors["safety/majority-3"].Expected, majority.Digest!.Value.ToByteArray());
        Assert.Equal(Vectors["safety/majority-5"].Expected, Safety.Majority(5).Digest!.Value.ToByteArray());
        Assert.Equal(Vectors["safety/strict-3"].Expected, strict.Digest!.Value.ToByteArray());
        Assert.Equal(Vectors["safety/groupid-noop-majority-3"].Expected, NoOpId(majority).ToByteArray());
        Assert.Equal(Vectors["safety/groupid-noop-strict-3"].Expected, NoOpId(strict).ToByteArray());
        Assert.Equal(
            Vectors["safety/groupid-noop-validator-majority-3"].Expected,
            NoOpId(majority, validators: [new Validator("v1")]).ToByteArray());
        Assert.Equal(strict, Safety.Strict(PeerIdOf(0x11), PeerIdOf(0x22), PeerIdOf(0x33)));
        Assert.NotEqual(Safety.Majority(3), Safety.Majority(5));
    }

    [Fact]
    public void Order_of_validators_matters_and_local_timing_does_not()
    {
        var (a, b) = (new Validator("a"), new Validator("b"));
        Assert.NotEqual(NoOpId(validators: [a, b]), NoOpId(validators: [b, a]));
        Assert.Equal(NoOpId(), NoOpId(consensus: new ConsensusOptions { BootstrapDelay = TimeSpan.FromSeconds(9) }.Deprioritized()));
        Assert.NotEqual(NoOpId(), NoOpId(consensus: new ConsensusOptions { MaxMissedHeartbeats = 11 }));
    }

    public static TheoryData<string, GroupOptions> Invalid => new()
    {
        { nameof(ConsensusOptions.HeartbeatInterval), With(new() { HeartbeatInterval = TimeSpan.Zero }) },
        { nameof(ConsensusOptions.HeartbeatInterval), With(new() { HeartbeatInterval = TimeSpan.FromMicroseconds(500_500) }) },
        { nameof(ConsensusOptions.HeartbeatJitter), With(new() { HeartbeatJitter = TimeSpan.FromSeconds(-1) }) },
        { nameof(ConsensusOptions.HeartbeatJitter), With(new() { HeartbeatJitter = TimeSpan.FromMilliseconds(500) }) },
        { nameof(ConsensusOptions.MaxMissedHeartbeats), With(new() { MaxMissedHeartbeats = 0 }) },
        { nameof(ConsensusOptions.ElectionTimeout), With(new() { ElectionTimeout = TimeSpan.FromMilliseconds(500) }) },
        { nameof(ConsensusOptions.ElectionTimeoutJitter), With(new() { ElectionTimeoutJitter = -TimeSpan.FromTicks(1) }) },
        { nameof(ConsensusOptions.BootstrapDelay), With(new() { BootstrapDelay = TimeSpan.Zero }) },
        { nameof(ConsensusOptions.ForwardTimeout), With(new() { ForwardTimeout = TimeSpan.Zero }) },
        { nameof(ConsensusOptions.QueryTimeout), With(new() { QueryTimeout = TimeSpan.Zero }) },
        { nameof(GroupOptions.Role), new GroupOptions { Role = GroupRole.Voter } },
        { nameof(GroupOptions.Role), new GroupOptions { Safety = Safety.Majority(3) } },
        { nameof(GroupOptions.Safety), GroupOptions.Replicas(0) },
        { nameof(GroupOptions.Safety), new GroupOptions { Safety = Safety.Strict(PeerIdOf(0x11)) } },
        { nameof(GroupOptions.VoterReplacementDelay), GroupOptions.Replicas(3) with { VoterReplacementDelay = TimeSpan.FromSeconds(1) } },
        { nameof(GroupOptions.Tickets), new GroupOptions { Tickets = [null!] } },
        { nameof(GroupOptions.MaxCommandBytes), new GroupOptions { MaxCommandBytes = 0 } },
        { nameof(GroupOptions.MaxBatchBytes), new GroupOptions { MaxBatchBytes = 0 } },
        { nameof(GroupOptions.MaxBatchCommands), new GroupOptions { MaxBatchCommands = 0 } },
        { nameof(GroupOptions.MaxBufferedBytes), new GroupOptions { MaxBufferedBytes = 0 } },
        { nameof(GroupOptions.CommandQueueCapacity), new GroupOptions { CommandQueueCapacity = 0 } },
    };

    [Theory, MemberData(nameof(Invalid))]
    public void A_value_that_cannot_work_is_named(string property, GroupOptions options) =>
        Assert.Equal(property, Assert.Throws<MosaikConfigurationException>(options.Validate).Property);

    [Fact]
    public void Valid_options_pass()
    {
        new GroupOptions().Validate();
        With(new() { HeartbeatJitter = TimeSpan.Zero, ElectionTimeoutJitter = TimeSpan.Zero }).Validate();
        (GroupOptions.Replicas(3) with { VoterReplacementDelay = Timeout.InfiniteTimeSpan }).Validate();
        Assert.Equal(TimeSpan.FromSeconds(6), new ConsensusOptions().Deprioritized().ElectionTimeout);
        Assert.Equal(3, LeadershipPreference.Reluctant().Factor);
        Assert.Equal(1, LeadershipPreference.Normal.Factor);
        Assert.True(LeadershipPreference.Observer.IsObserver);
    }

    private static GroupOptions With(ConsensusOptions consensus) => new() { Consensus = consensus };

    private static GroupId NoOpId(
        Safety? safety = null, ConsensusOptions? consensus = null, params ITicketValidator[] validators) =>
        GroupIdentity.IdOf(
            Key, consensus ?? new(), NoOpSignature, new LogReplaySync(typeof(RustNoOp)).Signature, validators, safety ?? Safety.Available);

    private static PeerId PeerIdOf(byte value) => PeerId.FromRawUnchecked(Enumerable.Repeat(value, PeerId.Length).ToArray());

    [WireName("mosaik::groups::machine::noop::NoOp")]
    private sealed class RustNoOp;

    [WireName("orderbook_example::matching::OrderBook")]
    private sealed class OrderBook;

    private sealed class Validator(string name) : ITicketValidator
    {
        public TicketClass Class => "test";

        public UniqueId Signature => UniqueId.From(name);

        public bool TryValidate(ReadOnlySpan<byte> ticket, PeerEntry peer, out Expiration expiration)
        {
            expiration = default;
            return true;
        }
    }
}
