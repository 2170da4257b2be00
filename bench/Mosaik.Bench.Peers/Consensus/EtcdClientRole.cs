using System.Net;
using dotnet_etcd;
using Etcdserverpb;
using Google.Protobuf;
using Mosaik.Bench.Contracts.Consensus;
using Mosaik.Bench.Peers.Messaging;

namespace Mosaik.Bench.Peers.Consensus;

/// <summary>
/// A client of etcd's leader: puts of 64 bytes under 256 keys. The three servers are started by bench/peers.sh.
/// </summary>
public sealed class EtcdClientRole : ConsensusMember
{
    private const int Keys = 256;
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly ByteString[] _keys =
        [.. Enumerable.Range(0, Keys).Select(static i => ByteString.CopyFromUtf8($"key-{i:D3}"))];

    private EtcdClient? _client;
    private int _next;

    protected override double OtherCpuSeconds() => Brokers.CpuSeconds("etcd");

    protected override async Task OpenAsync(IPEndPoint own, IPEndPoint[] all) => _client = await ConnectToLeaderAsync();

    protected override Task WaitForLeadershipAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    protected override async ValueTask ExecuteAsync(ReadOnlyMemory<byte> command)
    {
        var key = _keys[Interlocked.Increment(ref _next) & (Keys - 1)];
        // The client is set by OpenAsync.
        await _client!.PutAsync(new PutRequest { Key = key, Value = UnsafeByteOperations.UnsafeWrap(command) });
    }

    protected override bool IsLossOfLeadership(Exception failure) => failure is Grpc.Core.RpcException;

    protected override ValueTask CloseAsync()
    {
        _client?.Dispose();
        return ValueTask.CompletedTask;
    }

    internal static EtcdClient Connect(int port) => new(
        $"http://127.0.0.1:{port}", configureChannelOptions: static o => o.Credentials = Grpc.Core.ChannelCredentials.Insecure);

    /// <summary>Whether a server leads; null if it does not answer.</summary>
    internal static async Task<bool?> IsLeaderAsync(int port)
    {
        using var client = Connect(port);
        try
        {
            var status = await client.StatusAsync(new StatusRequest(), deadline: DateTime.UtcNow + AnswerTime);
            return status.Leader == status.Header.MemberId;
        }
        catch (Exception failure) when (failure is Grpc.Core.RpcException or OperationCanceledException)
        {
            return null; // the client gives up in either way when the time is over
        }
    }

    /// <summary>Only a client of the leader saves the way from a follower to it.</summary>
    internal static async Task<EtcdClient> ConnectToLeaderAsync()
    {
        while (true)
        {
            foreach (var port in Brokers.EtcdPorts)
            {
                if (await IsLeaderAsync(port) == true)
                    return Connect(port);
            }

            await Task.Delay(Pause);
        }
    }
}
