using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Discovery;

/// <summary>Verifies many entries at once, outside of the loop, on all cores (spec/discovery.md §9.4, §18).</summary>
internal sealed class EntryVerification(
    SignatureVerifier verifier, SignatureBudget budget, TaskScheduler scheduler, TimeProvider timeProvider)
{
    /// <summary>Fewer are not worth a task of their own.</summary>
    private const int SmallestBatch = 8;

    private readonly long _epoch = timeProvider.GetTimestamp();

    public SignatureVerifier Verifier => verifier;

    /// <summary>Whether something that a neighbour has passed on may be verified now.</summary>
    public bool TryTake(PeerId neighbour) => budget.TryTake(neighbour, timeProvider.GetElapsedTime(_epoch));

    /// <summary>
    /// The verified ones, in the given order, and how many were not. Waits while verifications are scarce.
    /// </summary>
    public async ValueTask<(List<SignedPeerEntry> Verified, int Failed)> VerifyAsync(
        IReadOnlyList<ParsedPeerEntry> candidates, CancellationToken cancellationToken)
    {
        if (candidates.Count == 0)
            return ([], 0);
        TimeSpan wait = budget.Reserve(candidates.Count, timeProvider.GetElapsedTime(_epoch));
        if (wait > TimeSpan.Zero)
            await new Signal(scheduler, timeProvider).WaitAsync(wait, cancellationToken).ConfigureAwait(false);
        SignedPeerEntry?[] results = await VerifyEachAsync(candidates, cancellationToken).ConfigureAwait(false);
        List<SignedPeerEntry> verified = [.. results.OfType<SignedPeerEntry>()];
        return (verified, candidates.Count - verified.Count);
    }

    /// <summary>One result for each candidate, null for those that are not valid. The budget was asked before.</summary>
    public async ValueTask<SignedPeerEntry?[]> VerifyEachAsync(
        IReadOnlyList<ParsedPeerEntry> candidates, CancellationToken cancellationToken)
    {
        var results = new SignedPeerEntry?[candidates.Count];
        int workers = Math.Min(Environment.ProcessorCount, scheduler.MaximumConcurrencyLevel);
        int batch = Math.Max(SmallestBatch, (candidates.Count + workers - 1) / workers);
        var others = new List<Task>();
        for (int start = batch; start < candidates.Count; start += batch)
        {
            int from = start, to = Math.Min(start + batch, candidates.Count);
            others.Add(scheduler.Start(() =>
            {
                Verify(candidates, results, from, to, cancellationToken);
                return Task.CompletedTask;
            }));
        }
        try
        {
            Verify(candidates, results, 0, Math.Min(batch, candidates.Count), cancellationToken);
        }
        finally
        {
            // The frame the candidates lie in must not be given back before the last of them is done.
            foreach (Task other in others)
                await other.ConfigureAwait(false);
        }
        return results;
    }

    private void Verify(
        IReadOnlyList<ParsedPeerEntry> candidates,
        SignedPeerEntry?[] results,
        int from,
        int to,
        CancellationToken cancellationToken)
    {
        for (int i = from; i < to; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            candidates[i].TryVerify(verifier, out results[i]);
        }
    }
}
