using System.Globalization;

namespace Mosaik.Networking;

/// <summary>
/// The application error code that ends a connection (spec/wire.md §8.1). A number with names: codes nobody has named
/// survive a round trip unchanged.
/// </summary>
/// <remarks>
/// Peers compare codes only; the reason text that travels beside a code is its name and is informational. Codes 0–199
/// are reserved for Mosaik; applications may use 200 and above, except the codes named here.
/// </remarks>
/// <param name="Value">The number.</param>
public readonly record struct CloseCode(ulong Value)
{
    /// <summary>
    /// 0: the whole endpoint was torn down, or a connection was dropped without a code. Empty reason.
    /// </summary>
    public static readonly CloseCode None = new(0);

    /// <summary>100: a link was accepted under an unexpected protocol name.</summary>
    public static readonly CloseCode InvalidAlpn = new(100);

    /// <summary>101: the peer belongs to another network.</summary>
    public static readonly CloseCode DifferentNetwork = new(101);

    /// <summary>102: an operation was cancelled or timed out.</summary>
    public static readonly CloseCode Cancelled = new(102);

    /// <summary>103: the peer ended its stream without closing.</summary>
    public static readonly CloseCode UnexpectedClose = new(103);

    /// <summary>200: the exchange is complete.</summary>
    public static readonly CloseCode Success = new(200);

    /// <summary>204: a producer shuts down.</summary>
    public static readonly CloseCode GracefulShutdown = new(204);

    /// <summary>400: an undecodable or oversized frame, or an unexpected stream.</summary>
    public static readonly CloseCode ProtocolViolation = new(400);

    /// <summary>401: the caller is not in the catalog; it syncs and tries again.</summary>
    public static readonly CloseCode UnknownPeer = new(401);

    /// <summary>10403: a stream's predicate, ticket or round-trip limit says no.</summary>
    public static readonly CloseCode NotAllowed = new(10403);

    /// <summary>10404: nobody produces the stream.</summary>
    public static readonly CloseCode StreamNotFound = new(10404);

    /// <summary>10413: a consumer lags too far behind.</summary>
    public static readonly CloseCode TooSlow = new(10413);

    /// <summary>10509: the stream has all the consumers it takes.</summary>
    public static readonly CloseCode NoCapacity = new(10509);

    /// <summary>30400: a malformed group handshake.</summary>
    public static readonly CloseCode InvalidHandshake = new(30400);

    /// <summary>30403: a group's ticket or round-trip limit says no.</summary>
    public static readonly CloseCode GroupNotAllowed = new(30403);

    /// <summary>30404: the peer is no member of the group.</summary>
    public static readonly CloseCode GroupNotFound = new(30404);

    /// <summary>30405: the proof of membership is wrong.</summary>
    public static readonly CloseCode InvalidProof = new(30405);

    /// <summary>30408: a step of a group handshake took too long.</summary>
    public static readonly CloseCode Timeout = new(30408);

    /// <summary>30429: the two members are bonded already.</summary>
    public static readonly CloseCode AlreadyBonded = new(30429);

    /// <summary>The ASCII name that travels as the reason; empty for 0 and for codes without a name.</summary>
    public string Name => Value switch
    {
        100 => "InvalidAlpn",
        101 => "DifferentNetwork",
        102 => "Cancelled",
        103 => "UnexpectedClose",
        200 => "Success",
        204 => "GracefulShutdown",
        400 => "ProtocolViolation",
        401 => "UnknownPeer",
        10403 or 30403 => "NotAllowed",
        10404 => "StreamNotFound",
        10413 => "TooSlow",
        10509 => "NoCapacity",
        30400 => "InvalidHandshake",
        30404 => "GroupNotFound",
        30405 => "InvalidProof",
        30408 => "Timeout",
        30429 => "AlreadyBonded",
        _ => "",
    };

    /// <summary>The number and, if it has one, the name.</summary>
    /// <returns>For example <c>400 (ProtocolViolation)</c>.</returns>
    public override string ToString() => Name.Length == 0
        ? Value.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{Value} ({Name})");
}
