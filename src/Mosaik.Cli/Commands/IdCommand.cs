using System.CommandLine;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Cli.Commands;

/// <summary><c>mosaik id</c>: the peer id of a secret, or a new identity.</summary>
internal static class IdCommand
{
    public static Command Create()
    {
        var command = new Command("id", "Prints the peer id of a secret; without --secret makes a new identity and prints both.")
        {
            NodeOptions.Secret,
            NodeOptions.Json,
        };
        command.SetAction(parsed =>
        {
            var given = parsed.GetValue(NodeOptions.Secret);
            var secret = given is null ? SecretKey.Random(RandomSource.Cryptographic) : SecretKey.FromText(given);
            var id = secret.PeerId.ToString();

            // A new secret is the result here, so it is printed; nothing else of the tool ever prints one.
            var fresh = given is null ? Convert.ToHexStringLower(secret.ExportSeed()) : null;
            if (parsed.GetValue(NodeOptions.Json))
                Console.WriteLine(JsonLine.Of(("id", id), ("secret", fresh)));
            else if (fresh is null)
                Console.WriteLine(id);
            else
                Console.WriteLine($"id:     {id}\nsecret: {fresh}");
            return ExitCode.Success;
        });
        return command;
    }
}
