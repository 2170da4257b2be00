using System.Net;
using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>A configured address could not be bound; the inner exception is the operating system's.</summary>
public sealed class NetworkBindException : MosaikException
{
    internal NetworkBindException(IPEndPoint endPoint, Exception innerException)
        : base($"Cannot bind {endPoint}: {innerException.Message}", innerException) => EndPoint = endPoint;

    /// <summary>The address.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>The address may be free later.</summary>
    public override bool IsTransient => true;
}
