using System.Globalization;

namespace Mosaik.Bench.Results;

/// <summary>What a person wants to know while a run goes on and at its end.</summary>
internal sealed class Summary(TextWriter output)
{
    private const int MustMissed = 2;
    private const int SideFailed = 3;

    private readonly List<string> _missed = [];
    private readonly List<string> _failed = [];

    public void Show(FloorLine floor) =>
        output.WriteLine($"floor {floor.Name} {floor.Variant} {floor.Placement}: {Number(floor.Value)} {floor.Unit}");

    public void Show(RatioLine r)
    {
        var floor = r.Floor is { } f ? $", floor {f.Name} {Number(f.Value)}" : "";
        var cpu = r.PeerCpuUsPerOp > 0 ? $", CPU {Number(r.OursCpuUsPerOp)} / {Number(r.PeerCpuUsPerOp)} us" : "";
        var memory = r.PeerCpuUsPerOp > 0 ? $", allocated {Number(r.OursAllocBytesPerOp)} / {Number(r.PeerAllocBytesPerOp)} B" : "";
        var noise = r.NoisyRounds > 0 ? $", {r.NoisyRounds} of {r.Rounds} rounds noisy" : "";
        var target = r.Must is { } must ? $" MUST {Number(must)} {(r.MustMet == true ? "met" : "MISSED")}" : "";
        var stretch = r.Stretch is { } s ? $", stretch {Number(s)} {(r.StretchMet == true ? "met" : "missed")}" : "";
        output.WriteLine(
            $"{Name(r)} {r.Metric}: {Number(r.Median)} ({Number(r.Min)} to {Number(r.Max)}),"
            + $" ours {Number(r.OursMedian)}, theirs {Number(r.PeerMedian)} {r.Unit}{cpu}{memory}{floor}{noise}{target}{stretch}");
        if (r.MustMet == false)
            _missed.Add(Name(r));
    }

    /// <summary>A ratio that was asked for and could not be measured: its target counts as not shown.</summary>
    public void NotShown(string name, bool hasMust)
    {
        output.WriteLine($"{name}: not shown");
        if (hasMust)
            _missed.Add(name);
    }

    public void Failed(string name, string reason)
    {
        output.WriteLine($"{name}: FAILED: {reason}");
        _failed.Add(name);
    }

    /// <returns>The exit code: 0 fine, 2 a MUST missed or not shown, 3 a side failed.</returns>
    public int End()
    {
        output.WriteLine(
            _failed.Count > 0 ? $"failed: {string.Join("; ", _failed)}"
            : _missed.Count > 0 ? $"missed: {string.Join("; ", _missed)}"
            : "every target met");
        return _failed.Count > 0 ? SideFailed : _missed.Count > 0 ? MustMissed : 0;
    }

    private static string Name(RatioLine r) => $"{r.Id} {r.Variant} / {r.Peer} {r.Placement}";

    private static string Number(double value) => value.ToString(Math.Abs(value) >= 100 ? "F0" : "G3", CultureInfo.InvariantCulture);
}
