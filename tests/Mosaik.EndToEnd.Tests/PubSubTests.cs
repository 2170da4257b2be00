namespace Mosaik.EndToEnd.Tests;

/// <summary>Lines of a real file between processes over real UDP (spec/reliability.md, tier T3).</summary>
public sealed class PubSubTests
{
    [Fact]
    public async Task Two_hundred_thousand_lines_arrive_whole_and_in_order_at_two_subscribers()
    {
        const int lines = 200_000;
        var (file, sha256) = RealText.Take(lines);
        await using var first = Subscribe("--count", $"{lines}");
        await using var second = Subscribe("--count", $"{lines}");
        await using var publisher = ToolProcess.Mosaik(
            "pub", "--network", "e2e-lines", "--stream", "lines", "--wait-for", "2",
            "--peer", await first.AddressAsync(), "--peer", await second.AddressAsync());
        await publisher.FeedAsync(file);

        Assert.Equal(0, await publisher.ExitAsync());
        Assert.Equal(0, await first.ExitAsync());
        Assert.Equal(0, await second.ExitAsync());
        Assert.Equal(sha256, first.Sha256);
        Assert.Equal(sha256, second.Sha256);

        static ToolProcess Subscribe(params string[] more) =>
            ToolProcess.Mosaik(["sub", "--network", "e2e-lines", "--stream", "lines", .. more]);
    }

    [Fact]
    public async Task A_subscriber_chooses_lines_and_publishers_and_is_told_what_has_passed()
    {
        await using var subscriber = ToolProcess.Mosaik(
            "sub", "--network", "e2e-choose", "--stream", "lines", "--from", "b", "--to", "c", "--peer-tag", "news",
            "--count", "2", "--stats", "--queue", "4", "--backoff", "100ms", "--max-backoff", "2s");
        var file = Path.GetTempFileName();
        await File.WriteAllLinesAsync(file, ["a", "b", "bee", "c!", "d"]);
        await using var publisher = ToolProcess.Mosaik(
            "pub", "--network", "e2e-choose", "--stream", "lines", "--text", "--tag", "news", "--stats", "--buffer", "4",
            "--buffer-bytes", "1000", "--max-subscribers", "3", "--lagging", "slow", "--stall", "20s", "--peer", await subscriber.AddressAsync());
        await publisher.FeedAsync(file);
        Assert.Equal(0, await subscriber.ExitAsync());
        Assert.Equal(0, await publisher.ExitAsync());
        Assert.Equal("b\nbee\n", subscriber.Output);
        Assert.Contains("received: 2 lines", subscriber.Errors, StringComparison.Ordinal);
        Assert.Contains("sent: 5 lines, 3 of them wanted by nobody", publisher.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_killed_subscriber_harms_neither_the_other_nor_the_publisher()
    {
        const int lines = 100_000;
        var (file, sha256) = RealText.Take(lines);
        await using var victim = ToolProcess.Mosaik("sub", "--network", "e2e-kill", "--stream", "lines");
        await using var survivor = ToolProcess.Mosaik(
            "sub", "--network", "e2e-kill", "--stream", "lines", "--count", $"{lines}");
        await using var publisher = ToolProcess.Mosaik(
            "pub", "--network", "e2e-kill", "--stream", "lines", "--wait-for", "2",
            "--peer", await victim.AddressAsync(), "--peer", await survivor.AddressAsync());
        var feeding = publisher.FeedAsync(file);
        await victim.LinesAsync(1000);
        victim.Kill();
        await feeding;

        Assert.Equal(0, await publisher.ExitAsync());
        Assert.Equal(0, await survivor.ExitAsync());
        Assert.Equal(sha256, survivor.Sha256);
        Assert.True(victim.Lines < lines);
    }

    [Fact]
    public async Task The_benchmark_starts_its_own_receiver_and_tells_what_arrived()
    {
        await using var bench = ToolProcess.Mosaik(
            "bench", "streams", "--json", "--size", "200", "--rate", "500", "--duration", "1s", "--network", "e2e-bench");
        Assert.Equal(0, await bench.ExitAsync());
        using var result = System.Text.Json.JsonDocument.Parse(bench.Output);
        var datums = result.RootElement.GetProperty("datums").GetInt64();
        Assert.InRange(datums, 1, 501);
        Assert.True(result.RootElement.GetProperty("p50Us").GetDouble() > 0);
        Assert.True(result.RootElement.GetProperty("senderCpuUs").GetDouble() > 0);
    }

    [Fact]
    public async Task The_benchmark_sends_to_a_receiver_elsewhere()
    {
        await using var receiver = ToolProcess.Mosaik("bench", "streams", "--receive", "--json", "--network", "e2e-bench-2");
        await using var sender = ToolProcess.Mosaik(
            "bench", "streams", "--duration", "1s", "--network", "e2e-bench-2", "--peer", await receiver.AddressAsync());
        Assert.Equal(0, await sender.ExitAsync());
        Assert.Equal(0, await receiver.ExitAsync());
        using var result = System.Text.Json.JsonDocument.Parse(receiver.Output);
        Assert.True(result.RootElement.GetProperty("datums").GetInt64() > 1);
        Assert.False(result.RootElement.TryGetProperty("p50Us", out _));
    }

    [Fact]
    public async Task A_subscriber_finds_a_publisher_that_it_was_told_of()
    {
        await using var publisher = ToolProcess.Mosaik("pub", "--network", "e2e-told", "--stream", "lines");
        await using var subscriber = ToolProcess.Mosaik(
            "sub", "--network", "e2e-told", "--stream", "lines", "--count", "2", "--peer", await publisher.AddressAsync());
        await publisher.FeedTextAsync("one\ntwo\n");
        Assert.Equal(0, await subscriber.ExitAsync());
        Assert.Equal("one\ntwo\n", subscriber.Output);
        Assert.Equal(0, await publisher.ExitAsync());
    }

    [Fact]
    public async Task Json_output_is_one_object_per_line()
    {
        await using var subscriber = ToolProcess.Mosaik(
            "sub", "--network", "e2e-json", "--stream", "lines", "--count", "1", "--json");
        await using var publisher = ToolProcess.Mosaik(
            "pub", "--network", "e2e-json", "--stream", "lines", "--json", "--peer", await subscriber.AddressAsync());
        await publisher.FeedTextAsync("say \"hello\"\n");
        Assert.Equal(0, await subscriber.ExitAsync());
        Assert.Equal(0, await publisher.ExitAsync());
        Assert.Equal("""{"line":"say \"hello\""}""" + "\n", subscriber.Output);
        Assert.Equal("""{"sent":1}""" + "\n", publisher.Output);
    }

    [Fact]
    public async Task Interrupted_nodes_leave_with_exit_code_0()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "sends SIGINT");
        await using var subscriber = ToolProcess.Mosaik("sub", "--network", "e2e-int", "--stream", "lines");
        await using var publisher = ToolProcess.Mosaik(
            "pub", "--network", "e2e-int", "--stream", "lines", "--peer", await subscriber.AddressAsync());
        await publisher.AddressAsync();
        publisher.Interrupt(); // it may still wait for the subscriber
        Assert.Equal(0, await publisher.ExitAsync());
        subscriber.Interrupt();
        Assert.Equal(0, await subscriber.ExitAsync());
    }

    [Fact]
    public async Task A_publisher_that_waits_for_input_can_be_interrupted()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "sends SIGINT");
        await using var subscriber = ToolProcess.Mosaik("sub", "--network", "e2e-stdin", "--stream", "lines");
        await using var publisher = ToolProcess.Mosaik(
            "pub", "--network", "e2e-stdin", "--stream", "lines", "--peer", await subscriber.AddressAsync());
        await publisher.WriteLineAsync("one line, then silence");
        await subscriber.LinesAsync(1);
        publisher.Interrupt();
        Assert.Equal(0, await publisher.ExitAsync());
    }

    [Fact]
    public async Task A_peer_of_another_network_gets_nothing_and_the_node_lives_on()
    {
        await using var stranger = ToolProcess.Mosaik("sub", "--network", "e2e-other", "--stream", "lines");
        await using var subscriber = ToolProcess.Mosaik("sub", "--network", "e2e-own", "--stream", "lines", "--count", "1");
        await using var publisher = ToolProcess.Mosaik(
            "pub", "--network", "e2e-own", "--stream", "lines",
            "--peer", await stranger.AddressAsync(), "--peer", await subscriber.AddressAsync());
        await publisher.FeedTextAsync("for my network\n");
        Assert.Equal(0, await publisher.ExitAsync());
        Assert.Equal(0, await subscriber.ExitAsync());
        Assert.Equal("for my network\n", subscriber.Output);
        Assert.Equal(0, stranger.Lines);
        Assert.Contains("network", publisher.Errors, StringComparison.Ordinal);
    }
}
