using System.Net.Sockets;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Peer;

try
{
    switch (args)
    {
        case ["pubkey", "--key", var seed]:
            using (var identity = Ed25519SigningKey.FromSeed(PeerOptions.ParseKey(seed, "--key")))
                Console.WriteLine(Convert.ToHexStringLower(identity.PublicKey.Span));
            return (int)ExitCode.Ok;
        case ["server", ..]:
            return (int)await new PeerServer(PeerOptions.Parse(server: true, args.AsSpan(1))).RunAsync();
        case ["client", ..]:
            return (int)await new PeerClient(PeerOptions.Parse(server: false, args.AsSpan(1))).RunAsync();
        default:
            throw new UsageException("no role given");
    }
}
catch (UsageException e)
{
    JsonLine.Warn(e.Message);
    await Console.Error.WriteLineAsync(PeerOptions.Usage);
    return (int)ExitCode.Usage;
}
catch (SocketException e)
{
    JsonLine.Warn(e.Message);
    return (int)ExitCode.System;
}
