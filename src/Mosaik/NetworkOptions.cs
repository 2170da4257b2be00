using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.Logging;
using Mosaik.Discovery;
using Mosaik.Groups;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Quic;
using Mosaik.Streams;

namespace Mosaik;

/// <summary>
/// Settings of one <see cref="Network"/>. Immutable; every property has its default here (spec/wire.md §10.1).
/// </summary>
public sealed record NetworkOptions
{
    /// <summary>The node's identity; null = a fresh one. Long-lived nodes keep theirs.</summary>
    public SecretKey? SecretKey { get; init; }

    /// <summary>
    /// Which relays may be used. This build has no relay client: every mode is treated as
    /// <see cref="RelayMode.Disabled"/>, which is said once in the log.
    /// </summary>
    public RelayMode Relay { get; init; } = RelayMode.Default;

    /// <summary>Addresses to bind, each of them; empty = all interfaces and a port chosen by the system.</summary>
    public IReadOnlyList<IPEndPoint> BindAddresses { get; init; } = [];

    /// <summary>How the node finds its peers.</summary>
    public DiscoveryOptions Discovery { get; init; } = new();

    /// <summary>
    /// How long <see cref="Network.StartAsync(NetworkId, NetworkOptions?, CancellationToken)"/> waits to be online.
    /// </summary>
    public TimeSpan OnlineTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long leaving may take; what is left then is aborted.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The only clock the node reads.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>
    /// Where everything of the node runs. With a one-thread scheduler, a virtual clock and a network in memory the
    /// whole node is deterministic (package MosaikNet.Testing).
    /// </summary>
    public TaskScheduler Scheduler { get; init; } = TaskScheduler.Default;

    /// <summary>The only source of randomness; must be a cryptographic one outside of tests.</summary>
    public RandomSource Random { get; init; } = RandomSource.Cryptographic;

    /// <summary>Where to log; null = nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>Where the meter comes from; null = the process-wide meter <c>Mosaik</c>.</summary>
    public IMeterFactory? MeterFactory { get; init; }

    /// <summary>
    /// Whether the environment variable <c>SSLKEYLOGFILE</c> names a file for TLS secrets, with which tools like
    /// Wireshark decrypt a capture. Off by default: who can read that file can read the traffic. While the variable is
    /// set, each dialled connection (of the first 256) has a UDP port of its own, so that the tools tell connections
    /// apart, and datagrams are sent one by one, which costs throughput: see <see cref="Quic.QuicOptions.KeyLog"/>.
    /// </summary>
    public bool AllowKeyLogFromEnvironment { get; init; }

    /// <summary>Settings of streams.</summary>
    public StreamsOptions Streams { get; init; } = new();

    /// <summary>Settings of groups.</summary>
    public GroupsOptions Groups { get; init; } = new();

    /// <summary>Opens datagram sockets; null = UDP of the operating system.</summary>
    public Func<IPEndPoint, IDatagramSocket>? SocketFactory { get; init; }

    /// <summary>Makes the transport; null = QUIC (<see cref="QuicTransport"/>).</summary>
    public Func<TransportOptions, ITransport>? TransportFactory { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="MosaikConfigurationException">A value cannot work; <c>Property</c> names it.</exception>
    public void Validate()
    {
        NotNull(Relay, nameof(Relay));
        NotNull(BindAddresses, nameof(BindAddresses));
        NotNull(Discovery, nameof(Discovery));
        NotNull(TimeProvider, nameof(TimeProvider));
        NotNull(Scheduler, nameof(Scheduler));
        NotNull(Random, nameof(Random));
        NotNull(Streams, nameof(Streams));
        Streams.Validate();
        NotNull(Groups, nameof(Groups));
        Groups.Validate();
        if (Relay is RelayMode.CustomRelays { Urls: var urls })
        {
            if (urls is null or { Count: 0 })
                throw Invalid(nameof(Relay), "names no relay");
            foreach (var url in urls)
            {
                if (url is null || !RelayUrl.IsCanonical(url))
                    throw Invalid(nameof(Relay), $"contains \"{url}\", which is not a canonical relay URL");
            }
        }

        for (var i = 0; i < BindAddresses.Count; i++)
        {
            var address = BindAddresses[i];
            NotNull(address, nameof(BindAddresses));
            if (address.Port != 0 && BindAddresses.Take(i).Contains(address))
                throw Invalid(nameof(BindAddresses), $"contains {address} twice");
        }

        Discovery.Validate();
        if (OnlineTimeout < TimeSpan.Zero)
            throw Invalid(nameof(OnlineTimeout), "is negative");
        if (ShutdownTimeout <= TimeSpan.Zero)
            throw Invalid(nameof(ShutdownTimeout), "is not positive");
    }

    private static MosaikConfigurationException Invalid(string property, string problem) =>
        new($"{nameof(NetworkOptions)}.{property}", problem);

    private static void NotNull(object? value, string property)
    {
        if (value is null)
            throw Invalid(property, "is or contains null");
    }
}
