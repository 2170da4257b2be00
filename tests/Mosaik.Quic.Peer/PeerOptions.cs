using System.Globalization;
using System.Net;

namespace Mosaik.Quic.Peer;

/// <summary>What a stream is for.</summary>
internal enum Work
{
    Echo,
    Sink,
    Source,
    Hold,
    Multi,
    Uni,
    Reset,
    Stop,
    Ping,
    Wait,
}

/// <summary>The command line. The options are those of the independent peer, as far as they make sense here.</summary>
internal sealed class PeerOptions
{
    public const string Usage = """
        usage: Mosaik.Quic.Peer server --listen ADDR:PORT --key SEED [options]
               Mosaik.Quic.Peer client --connect ADDR:PORT --key SEED --peer PUBLIC --alpn NAME --mode MODE [options]
               Mosaik.Quic.Peer pubkey --key SEED

        both:   --alpn NAME  --peer PUBLIC  --exporter LABEL:CONTEXTHEX:LEN  --close CODE:REASON
                --key-update-after N[:COUNT]  --idle MS  --timeout MS  --max-data N  --max-stream-data N
                --max-streams N  --suites LIST  --groups LIST  --loss-in P  --loss-out P  --reorder P  --seed N  --portable
                --verbose
        server: --mode echo|sink|source:N|hold  --push echo:N|uni:N  --once
        client: --mode echo:N|multi:S:N|sink:N|source[:N]|uni:N|reset:N:CODE|stop:N:CODE|ping|wait
                --rebind  --quic-version V  --sni is accepted and ignored: the name follows from the key

        suites: aes128, aes256, chacha20; groups: x25519, p256. Events, modes and exit codes are those of interop/quic-peer.
        """;

    private readonly List<string> _alpn = [];

    public bool IsServer { get; private init; }

    public IPEndPoint Address { get; private set; } = new(IPAddress.Any, 0);

    public byte[] Seed { get; private set; } = [];

    public byte[]? Peer { get; private set; }

    public IReadOnlyList<string> Alpn => _alpn;

    public Work Work { get; private set; } = Work.Echo;

    public long Streams { get; private set; } = 1;

    /// <summary>Bytes per stream; null where the mode left it open.</summary>
    public long? Bytes { get; private set; }

    public ulong ErrorCode { get; private set; }

    public Work? Push { get; private set; }

    public long PushBytes { get; private set; }

    public (string Label, byte[] Context, int Length)? Exporter { get; private set; }

    public (ulong Code, string Reason)? Close { get; private set; }

    public bool Once { get; private set; }

    public bool Rebind { get; private set; }

    public bool Portable { get; private set; }

    public bool Verbose { get; private set; }

    public long KeyUpdateAfter { get; private set; }

    public long KeyUpdateCount { get; private set; }

    public TimeSpan Idle { get; private set; } = TimeSpan.FromSeconds(30);

    public TimeSpan? Timeout { get; private set; }

    public long? MaxData { get; private set; }

    public long? MaxStreamData { get; private set; }

    public int MaxStreams { get; private set; } = 100;

    public IReadOnlyList<ushort>? Suites { get; private set; }

    public IReadOnlyList<ushort>? Groups { get; private set; }

    public uint Version { get; private set; } = 1;

    public double LossIn { get; private set; }

    public double LossOut { get; private set; }

    public double Reorder { get; private set; }

    public ulong RandomSeed { get; private set; } = 1;

    public bool IsImpaired => LossIn > 0 || LossOut > 0 || Reorder > 0;

    public static PeerOptions Parse(bool server, ReadOnlySpan<string> arguments)
    {
        var options = new PeerOptions { IsServer = server, Timeout = server ? null : TimeSpan.FromMinutes(1) };
        var (hasAddress, hasMode) = (false, false);
        for (var i = 0; i < arguments.Length; i++)
        {
            var name = arguments[i];
            if (options.ParseFlag(name))
                continue;
            if (i + 1 == arguments.Length)
                throw new UsageException($"unknown option, or no value: {name}");
            options.ParseOption(name, arguments[++i]);
            hasAddress |= name is "--listen" or "--connect";
            hasMode |= name == "--mode";
        }

        if (!hasAddress)
            throw new UsageException(server ? "--listen is required" : "--connect is required");
        if (options.Seed.Length == 0)
            throw new UsageException("--key is required");
        if (!server && options.Peer is null)
            throw new UsageException("--peer is required");
        if (!server && !hasMode)
            throw new UsageException("--mode is required");
        if (options._alpn.Count == 0)
        {
            if (!server)
                throw new UsageException("--alpn is required");
            options._alpn.Add("quic-peer");
        }
        return options;
    }

    public static byte[] ParseKey(string text, string name)
    {
        try
        {
            if (Convert.FromHexString(text) is { Length: QuicOptions.KeyLength } key)
                return key;
        }
        catch (FormatException)
        {
            // Falls through to the same complaint.
        }
        throw new UsageException($"not 64 hexadecimal digits: {name}");
    }

    private bool ParseFlag(string name)
    {
        switch (name)
        {
            case "--once" when IsServer:
                return Once = true;
            case "--rebind" when !IsServer:
                return Rebind = true;
            case "--verbose":
                return Verbose = true;
            case "--portable":
                return Portable = true;
            default:
                return false;
        }
    }

    private void ParseOption(string name, string value)
    {
        switch (name)
        {
            case "--listen" when IsServer:
            case "--connect" when !IsServer:
                Address = IPEndPoint.TryParse(value, out var address)
                    ? address
                    : throw new UsageException($"not ADDR:PORT: {name}");
                break;
            case "--key":
                Seed = ParseKey(value, name);
                break;
            case "--peer":
                Peer = ParseKey(value, name);
                break;
            case "--sni":
                break;
            case "--alpn":
                _alpn.Add(value);
                break;
            case "--mode":
                ParseMode(value);
                break;
            case "--push" when IsServer:
                ParsePush(value);
                break;
            case "--exporter":
                ParseExporter(value);
                break;
            case "--close":
                var colon = value.IndexOf(':', StringComparison.Ordinal);
                Close = (
                    (ulong)Number(colon < 0 ? value : value[..colon], name), colon < 0 ? "" : value[(colon + 1)..]);
                break;
            case "--key-update-after":
                var parts = value.Split(':');
                (KeyUpdateAfter, KeyUpdateCount) = (Number(parts[0], name), parts.Length > 1 ? Number(parts[1], name) : 1);
                break;
            case "--idle":
                Idle = TimeSpan.FromMilliseconds(Number(value, name));
                break;
            case "--timeout":
                Timeout = TimeSpan.FromMilliseconds(Number(value, name));
                break;
            case "--max-data":
                MaxData = Number(value, name);
                break;
            case "--max-stream-data":
                MaxStreamData = Number(value, name);
                break;
            case "--max-streams":
                MaxStreams = (int)Number(value, name);
                break;
            case "--suites":
                Suites = Names(value, name, new("aes128", 0x1301), new("aes256", 0x1302), new("chacha20", 0x1303));
                break;
            case "--groups":
                Groups = Names(value, name, new("x25519", 0x001d), new("p256", 0x0017));
                break;
            case "--quic-version" when !IsServer:
                Version = (uint)Number(value, name);
                break;
            case "--loss-in":
                LossIn = Probability(value, name);
                break;
            case "--loss-out":
                LossOut = Probability(value, name);
                break;
            case "--reorder":
                Reorder = Probability(value, name);
                break;
            case "--seed":
                RandomSeed = (ulong)Number(value, name);
                break;
            default:
                throw new UsageException($"unknown option, or one of the other role: {name}");
        }
    }

    private void ParseMode(string text)
    {
        var parts = text.Split(':');
        var numbers = parts[1..].Select(static part => Number(part, "--mode")).ToArray();
        (Work, var min, var max) = (parts[0], IsServer) switch
        {
            ("echo", true) => (Work.Echo, 0, 0),
            ("sink", true) => (Work.Sink, 0, 0),
            ("source", true) => (Work.Source, 1, 1),
            ("hold", true) => (Work.Hold, 0, 0),
            ("echo", false) => (Work.Echo, 1, 1),
            ("multi", false) => (Work.Multi, 2, 2),
            ("sink", false) => (Work.Sink, 1, 1),
            ("source", false) => (Work.Source, 0, 1),
            ("uni", false) => (Work.Uni, 1, 1),
            ("reset", false) => (Work.Reset, 2, 2),
            ("stop", false) => (Work.Stop, 2, 2),
            ("ping", false) => (Work.Ping, 0, 0),
            ("wait", false) => (Work.Wait, 0, 0),
            _ => throw new UsageException($"unknown mode: {text}"),
        };
        if (numbers.Length < min || numbers.Length > max)
            throw new UsageException($"wrong number of arguments: {text}");
        Streams = Work == Work.Multi ? numbers[0] : 1;
        Bytes = Work == Work.Multi ? numbers[1] : numbers.Length > 0 ? numbers[0] : null;
        if (Work is Work.Reset or Work.Stop)
            ErrorCode = (ulong)numbers[1];
    }

    private void ParsePush(string text)
    {
        var parts = text.Split(':');
        Push = parts switch
        {
            ["echo", _] => Work.Echo,
            ["uni", _] => Work.Uni,
            _ => throw new UsageException("not echo:N or uni:N: --push"),
        };
        PushBytes = Number(parts[1], "--push");
    }

    private void ParseExporter(string text)
    {
        var parts = text.Split(':');
        if (parts.Length != 3)
            throw new UsageException("not LABEL:CONTEXTHEX:LEN: --exporter");
        Exporter = (parts[0], Convert.FromHexString(parts[1]), (int)Number(parts[2], "--exporter"));
    }

    private static ushort[] Names(string text, string option, params ReadOnlySpan<KeyValuePair<string, ushort>> known)
    {
        var codes = new List<ushort>();
        foreach (var name in text.Split(','))
        {
            var at = -1;
            for (var i = 0; i < known.Length; i++)
            {
                if (known[i].Key == name)
                    at = i;
            }
            codes.Add(at >= 0 ? known[at].Value : throw new UsageException($"unknown name {name}: {option}"));
        }
        return [.. codes];
    }

    /// <summary>A decimal or 0x number, with K, M or G for powers of 1024.</summary>
    private static long Number(string text, string option)
    {
        var factor = text.Length == 0 ? 1 : text[^1] switch { 'K' => 1L << 10, 'M' => 1L << 20, 'G' => 1L << 30, _ => 1 };
        var digits = factor == 1 ? text : text[..^1];
        var hexadecimal = digits.StartsWith("0x", StringComparison.Ordinal);
        return long.TryParse(
            hexadecimal ? digits[2..] : digits, hexadecimal ? NumberStyles.AllowHexSpecifier : NumberStyles.None,
            CultureInfo.InvariantCulture, out var value)
            ? checked(value * factor)
            : throw new UsageException($"not a number: {option}");
    }

    private static double Probability(string text, string option) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= 1
            ? value
            : throw new UsageException($"not a probability: {option}");
}
