using System.Net.Security;
using Mosaik.Bench.Contracts;
using Mosaik.Bench.Peers.Consensus;
using Mosaik.Bench.Peers.Messaging;

namespace Mosaik.Bench.Peers;

/// <summary>What this project offers: peers, their versions and the roles of their nodes.</summary>
public static class PeerList
{
    public static IReadOnlyDictionary<string, string> Versions { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["memorypack"] = VersionOf(typeof(MemoryPack.MemoryPackSerializer)),
        ["messagepack"] = VersionOf(typeof(MessagePack.MessagePackSerializer)),
        ["system.text.json"] = VersionOf(typeof(System.Text.Json.JsonSerializer)),
        ["sslstream"] = VersionOf(typeof(SslStream)),
        ["nats"] = VersionOf(typeof(NATS.Client.Core.NatsConnection)),
        ["redis"] = VersionOf(typeof(StackExchange.Redis.ConnectionMultiplexer)),
        ["netmq"] = VersionOf(typeof(NetMQ.NetMQSocket)),
        ["dotnext"] = VersionOf(typeof(DotNext.Net.Cluster.Consensus.Raft.RaftCluster)),
        ["etcd"] = "client " + VersionOf(typeof(dotnet_etcd.EtcdClient)),
    };

    public static IReadOnlyList<Func<IWorkloadSide>> Codecs { get; } =
        [static () => new MemoryPackCodec(), static () => new MessagePackCodec(), static () => new SystemTextJsonCodec()];

    public static INodeRole? CreateRole(string name) => name switch
    {
        "ssl-sink" => new SslSink(),
        "ssl-source" => new SslSource(),
        "ssl-echo-server" => new SslEchoServer(),
        "ssl-echo-clients" => new SslEchoClients(),
        "nats-consumers" => new NatsConsumers(),
        "nats-producers" => new NatsProducers(),
        "redis-consumers" => new RedisConsumers(),
        "redis-producers" => new RedisProducers(),
        "netmq-consumers" => new NetMqConsumers(),
        "netmq-producers" => new NetMqProducers(),
        "dotnext-member" => new DotNextMember(),
        "etcd-client" => new EtcdClientRole(),
        _ => null,
    };

    private static string VersionOf(Type type) => type.Assembly.GetName().Version?.ToString(3) ?? "unknown";
}
