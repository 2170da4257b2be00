using System.Diagnostics;
using System.Globalization;
using dotnet_etcd;
using Etcdserverpb;
using Google.Protobuf;
using Mosaik.Bench.Contracts;
using Mosaik.Bench.Contracts.Consensus;
using Mosaik.Bench.Peers.Messaging;

namespace Mosaik.Bench.Peers.Consensus;

/// <summary>
/// etcd's side of R4: one of the three servers of bench/peers.sh is killed, while clients of the others begin a put every few
/// milliseconds. It is started again with its data.
/// </summary>
public sealed class EtcdFailoverSide() : FailoverSide("etcd")
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan PutTime = TimeSpan.FromSeconds(2);

    private int _killed = -1;

    public override ValueTask StartAsync(RunPlan plan) => ValueTask.CompletedTask;

    public override ValueTask StopAsync() => ValueTask.CompletedTask;

    protected override async Task<TimeSpan> KillLeaderAsync()
    {
        _killed = await LeaderAsync();
        var survivors = Enumerable.Range(0, Brokers.EtcdPorts.Count).Where(i => i != _killed)
            .Select(static i => EtcdClientRole.Connect(Brokers.EtcdPorts[i])).ToList();
        var first = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        var (killedAt, deadSince) = (0L, long.MaxValue);
        var puts = new List<Task>();
        try
        {
            using var server = Process.GetProcessById(await Brokers.EtcdProcessAsync(_killed));
            for (var i = 0; !first.Task.IsCompleted; i++)
            {
                if (i == 10)
                {
                    killedAt = Stopwatch.GetTimestamp();
                    server.Kill();
                    await Task.Delay(Period);
                    deadSince = Stopwatch.GetTimestamp();
                }

                puts.Add(PutAsync(survivors[i % survivors.Count]));
                await Task.WhenAny(first.Task, Task.Delay(Period));
            }

            return Stopwatch.GetElapsedTime(killedAt, await first.Task);
        }
        finally
        {
            await Task.WhenAll(puts);
            survivors.ForEach(static c => c.Dispose());
        }

        // Only what began when it was dead shows that there is another leader.
        async Task PutAsync(EtcdClient client)
        {
            var start = Stopwatch.GetTimestamp();
            try
            {
                var key = ByteString.CopyFromUtf8("failover");
                await client.PutAsync(new PutRequest { Key = key, Value = key }, deadline: DateTime.UtcNow + PutTime);
                if (start > deadSince)
                    first.TrySetResult(Stopwatch.GetTimestamp());
            }
            catch (Exception failure) when (failure is Grpc.Core.RpcException or OperationCanceledException)
            {
                // Nobody led, or the time was over.
            }
        }
    }

    protected override async Task RestoreAsync()
    {
        await Brokers.StartAsync(string.Create(CultureInfo.InvariantCulture, $"etcd{_killed + 1}"));
        await LeaderAsync();
    }

    /// <summary>Which server leads, when all of them are there.</summary>
    private static async Task<int> LeaderAsync()
    {
        var patience = Stopwatch.StartNew();
        while (patience.Elapsed < TimeSpan.FromSeconds(30))
        {
            var leads = await Task.WhenAll(Brokers.EtcdPorts.Select(EtcdClientRole.IsLeaderAsync));
            if (Array.TrueForAll(leads, static l => l is not null) && Array.FindIndex(leads, static l => l == true) is >= 0 and var leader)
                return leader;
            await Task.Delay(Period);
        }

        throw new TimeoutException("etcd has no leader");
    }
}
