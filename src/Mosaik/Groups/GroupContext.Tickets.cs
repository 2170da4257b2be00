using Mosaik.Discovery;

namespace Mosaik.Groups;

// Asking the validators (spec/groups.md §4.7).
internal sealed partial class GroupContext
{
    /// <summary>
    /// Whether all validators accept an entry now. They are user code: one that throws says no. Not on the loop.
    /// </summary>
    public bool IsValid(PeerEntry entry, out Expiration expires)
    {
        expires = Expiration.Never;
        if (Options.Tickets.Count == 0)
            return true;
        try
        {
            return entry.ValidateTickets(Options.Tickets, TimeProvider.GetUtcNow(), out expires);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            if (LogLimiter.TryPass(nameof(GroupsLog.ValidatorFailed), out _))
                GroupsLog.ValidatorFailed(Logger, error, GroupId, entry.Id);
            return false;
        }
    }
}
