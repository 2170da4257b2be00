using System.Security.Cryptography;

namespace OrderBook;

/// <summary>What a participant must know of the others.</summary>
/// <param name="Network">The network's name.</param>
/// <param name="GroupSecret">What only matchers should know.</param>
/// <param name="Contact">The address of a node that runs already; null for the first one.</param>
internal sealed record Exchange(string Network, string GroupSecret, string? Contact)
{
    /// <summary>A new one, of which no other run knows.</summary>
    public static Exchange New() => new($"order-book-{Guid.NewGuid()}", Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), null);
}
