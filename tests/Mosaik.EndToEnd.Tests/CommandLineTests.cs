namespace Mosaik.EndToEnd.Tests;

/// <summary>Usage, identities and the sample, as a new user meets them.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("pub --stream s", "--network")]
    [InlineData("pub --network n", "--stream")]
    [InlineData("sub --network n --stream s --count none", "--count")]
    [InlineData("sub --network n --stream s --count 0", "--count")]
    [InlineData("pub --network n --stream s --peer nonsense", "nonsense")]
    [InlineData("sub --network n --stream s --nope", "--nope")]
    [InlineData("sub --network n --stream s --queue 0", "--queue")]
    [InlineData("pub --network n --stream s --lagging perhaps", "perhaps")]
    [InlineData("pub --network n --stream s --buffer none", "--buffer")]
    [InlineData("pub --network n --stream s --max-subscribers 0", "--max-subscribers")]
    [InlineData("pub --network n --stream s --stall now", "--stall")]
    [InlineData("pub --network n --stream s --buffer-bytes 0", "--buffer-bytes")]
    [InlineData("pub --network n --stream s --wait-for 0", "--wait-for")]
    [InlineData("sub --network n --stream s --backoff soon", "--backoff")]
    [InlineData("sub --network n --stream s --backoff 5s --max-backoff 1s", "--max-backoff")]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("peers", "--network")]
    [InlineData("peers --network n --wait soon", "--wait")]
    [InlineData("bootstrap -q -v", "-q and -v")]
    [InlineData("bootstrap --quiet --verbose", "-q and -v")]
    [InlineData("bootstrap --peers junk", "junk")]
    [InlineData("bootstrap --purge-after 20s", "--announce-interval")]
    [InlineData("bootstrap --announce-interval 0", "--announce-interval")]
    public async Task Usage_errors_exit_2_with_one_helpful_line(string arguments, string mentions)
    {
        await using var tool = ToolProcess.Mosaik(arguments.Split(' '));
        Assert.Equal(2, await tool.ExitAsync());
        Assert.DoesNotContain('\n', tool.Errors);
        Assert.Contains(mentions, tool.Errors, StringComparison.Ordinal);
        Assert.Contains("--help", tool.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_shows_values_in_the_form_in_which_they_are_taken()
    {
        await using var tool = ToolProcess.Mosaik("pub", "--help");
        Assert.Equal(0, await tool.ExitAsync());
        Assert.Contains("--lagging <slow|disconnect|skip>", tool.Output, StringComparison.Ordinal);
        Assert.Contains("--peer <ID@IP:PORT>", tool.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("[default:", tool.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("LOGGING", "loud")]
    [InlineData("QUIET", "perhaps")]
    [InlineData("NO_RELAY", "perhaps")]
    [InlineData("PEERS", "nobody")]
    [InlineData("PURGE_AFTER", "later")]
    [InlineData("LISTEN", "here")]
    public async Task A_wrong_variable_of_a_bootstrap_node_is_a_usage_error(string variable, string value)
    {
        await using var tool = ToolProcess.Mosaik(Bootstrap((variable, value)), "bootstrap");
        Assert.Equal(2, await tool.ExitAsync());
        Assert.DoesNotContain('\n', tool.Errors);
        Assert.Contains(value, tool.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bootstrap_node_takes_every_option_from_the_environment_and_the_command_line_is_stronger()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "sends SIGINT");
        var peer = new string('0', 63) + "1";
        await using var id = ToolProcess.Mosaik("id", "--secret", "first");
        Assert.Equal(0, await id.ExitAsync());
        var other = id.Output.Trim();
        await using var node = ToolProcess.Mosaik(
            Bootstrap(
                ("SECRET", "first"), ("NETWORK_ID", peer), ("PEERS", $"{other}@127.0.0.1:1,127.0.0.1:2"), ("TAGS", "one, two"),
                ("LISTEN", "127.0.0.1:0"), ("NO_RELAY", "true"), ("LOGGING", "debug"), ("PURGE_AFTER", "1m"),
                ("ANNOUNCE_INTERVAL", "10s"), ("QUIET", "")),
            "bootstrap", "--secret", "second");
        Assert.DoesNotContain(other + "@", await node.AddressAsync(), StringComparison.Ordinal);
        Assert.Contains("@127.0.0.1:", await node.AddressAsync(), StringComparison.Ordinal);
        await node.ErrorsContainAsync("Relays: disabled");
        Assert.Contains($"Network id: {peer}", node.Errors, StringComparison.Ordinal);
        Assert.Contains("Tags: one = ", node.Errors, StringComparison.Ordinal);
        Assert.Contains(", two = ", node.Errors, StringComparison.Ordinal);
        Assert.Contains($"Bootstrap peers: {other}@127.0.0.1:1,127.0.0.1:2", node.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("random", node.Errors, StringComparison.Ordinal);
        node.Interrupt();
        Assert.Equal(0, await node.ExitAsync());
    }

    [Fact]
    public async Task Peers_of_a_network_where_nobody_is_fails_with_one_line()
    {
        await using var tool = ToolProcess.Mosaik("peers", "--network", "nobody here", "--wait", "300ms");
        Assert.Equal(1, await tool.ExitAsync());
        Assert.EndsWith("no peer was found within 300 ms", tool.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_id_of_a_secret_is_its_public_key()
    {
        await using var hex = ToolProcess.Mosaik("id", "--secret", new string('0', 64));
        Assert.Equal(0, await hex.ExitAsync());
        Assert.Equal("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29\n", hex.Output);
    }

    [Fact]
    public async Task A_secret_gives_the_node_its_address()
    {
        await using var id = ToolProcess.Mosaik("id", "--secret", "a seed text");
        Assert.Equal(0, await id.ExitAsync());
        await using var node = ToolProcess.Mosaik("sub", "--network", "n", "--stream", "s", "--secret", "a seed text");
        Assert.StartsWith(id.Output.Trim() + "@", await node.AddressAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_identity_can_be_used_again()
    {
        await using var fresh = ToolProcess.Mosaik("id", "--json");
        Assert.Equal(0, await fresh.ExitAsync());
        using var json = System.Text.Json.JsonDocument.Parse(fresh.Output);
        var secret = json.RootElement.GetProperty("secret").GetString()!; // printed for a new identity
        await using var again = ToolProcess.Mosaik("id", "--secret", secret);
        Assert.Equal(0, await again.ExitAsync());
        Assert.Equal(json.RootElement.GetProperty("id").GetString(), again.Output.Trim());
    }

    [Fact]
    public async Task The_quick_start_streams_a_file_to_two_processes()
    {
        await using var sample = ToolProcess.Sample("QuickStart");
        Assert.Equal(0, await sample.ExitAsync());
        Assert.Contains("subscriber 1: ", sample.Output, StringComparison.Ordinal);
        Assert.Contains("subscriber 2: ", sample.Output, StringComparison.Ordinal);
        Assert.Contains("both copies are identical", sample.Output, StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Bootstrap(params (string Name, string Value)[] variables) =>
        variables.ToDictionary(static v => "MOSAIK_BOOTSTRAP_" + v.Name, static v => v.Value, StringComparer.Ordinal);
}
