using System.Net.Security;
using Mosaik.Bench.Contracts;

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
    };

    public static IReadOnlyList<Func<IWorkloadSide>> Codecs { get; } =
        [static () => new MemoryPackCodec(), static () => new MessagePackCodec(), static () => new SystemTextJsonCodec()];

    public static INodeRole? CreateRole(string name) => name switch
    {
        "ssl-sink" => new SslSink(),
        "ssl-source" => new SslSource(),
        "ssl-echo-server" => new SslEchoServer(),
        "ssl-echo-clients" => new SslEchoClients(),
        _ => null,
    };

    private static string VersionOf(Type type) => type.Assembly.GetName().Version?.ToString(3) ?? "unknown";
}
