using System.Net;
using Microsoft.Extensions.Logging;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Networking.Transport;

/// <summary>What a node tells the transport it creates.</summary>
public sealed record TransportOptions
{
    /// <summary>The identity to prove.</summary>
    public required SecretKey SecretKey { get; init; }

    /// <summary>Addresses to bind; empty = all interfaces, a port chosen by the system.</summary>
    public IReadOnlyList<IPEndPoint> BindAddresses { get; init; } = [];

    /// <summary>The node's clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where continuations run.</summary>
    public TaskScheduler Scheduler { get; init; } = TaskScheduler.Default;

    /// <summary>The node's source of randomness.</summary>
    public RandomSource Random { get; init; } = RandomSource.Cryptographic;

    /// <summary>Where to log; null = nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>Whether <c>SSLKEYLOGFILE</c> is honoured (spec/quic.md §3.11).</summary>
    public bool AllowKeyLogFromEnvironment { get; init; }

    /// <summary>Opens datagram sockets; null = UDP of the operating system.</summary>
    public Func<IPEndPoint, IDatagramSocket>? SocketFactory { get; init; }
}
