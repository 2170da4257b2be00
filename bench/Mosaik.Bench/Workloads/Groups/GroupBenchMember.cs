using System.Net;
using System.Runtime.CompilerServices;
using Mosaik.Bench.Contracts.Consensus;
using Mosaik.Groups;

namespace Mosaik.Bench.Workloads.Groups;

/// <summary>Our member in R1 to R3.</summary>
internal sealed class GroupBenchMember : ConsensusMember
{
    private BenchGroup? _member;
    private byte[] _command = [];

    /// <summary>What was fed counts when it is committed.</summary>
    protected override long Done =>
        Plan.IsFeed && _member is { } member ? (long)member.Group.Committed.Value : base.Done;

    protected override async Task OpenAsync(IPEndPoint own, IPEndPoint[] all)
    {
        // The encoded command has a length in front of the bytes: together they are the size that was asked for.
        _command = new byte[Plan.Size - (Plan.Size <= 128 ? 1 : 2)];
        _member = await BenchGroup.StartAsync(own, all, Plan);
    }

    // Set by OpenAsync, here and below.
    protected override async Task WaitForLeadershipAsync(CancellationToken cancellationToken) =>
        await _member!.Group.When.IsLeader().WaitAsync(cancellationToken);

    protected override ValueTask ExecuteAsync(ReadOnlyMemory<byte> command) =>
        Discard(Plan.IsFeed ? _member!.Group.FeedAsync(_command) : _member!.Group.ExecuteAsync(_command));

    protected override bool IsLossOfLeadership(Exception failure) => failure is GroupOfflineException;

    protected override ValueTask CloseAsync() => _member?.DisposeAsync() ?? ValueTask.CompletedTask;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask Discard(ValueTask<LogIndex> index) => await index;
}
