using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// Settings of all streams of a network (spec/streams.md §15). Immutable; bind it from configuration or use
/// <c>with</c>.
/// </summary>
public sealed record StreamsOptions
{
    /// <summary>
    /// Largest encoded datum in bytes, sent or received; default 64 MiB. A producer or consumer may lower it.
    /// </summary>
    public int MaxDatumBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>How long a producer waits for a consumer's handshake; default 5 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a consumer waits for the producer's answer to its handshake; default 5 s.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a consumer tries to connect to a producer; default 10 s, which is also the longest any dial takes.
    /// </summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a closing producer waits until its consumers have acknowledged what was sent; default 500 ms.
    /// </summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Makes the reconnection backoff of one receiver; default <see cref="ExponentialBackoff"/> (0.5 s to 60 s, 5 min
    /// in all).
    /// </summary>
    public Func<IBackoff>? Backoff { get; init; }

    /// <summary>
    /// Throws <see cref="MosaikConfigurationException"/>, naming the property, when a value makes no sense.
    /// </summary>
    public void Validate()
    {
        if (MaxDatumBytes < 1)
            throw new MosaikConfigurationException(nameof(MaxDatumBytes), "must be at least 1 byte");
        RequirePositive(HandshakeTimeout, nameof(HandshakeTimeout));
        RequirePositive(StartTimeout, nameof(StartTimeout));
        RequirePositive(ConnectTimeout, nameof(ConnectTimeout));
        if (DrainTimeout < TimeSpan.Zero)
            throw new MosaikConfigurationException(nameof(DrainTimeout), "must not be negative");
    }

    private static void RequirePositive(TimeSpan value, string property)
    {
        if (value <= TimeSpan.Zero)
            throw new MosaikConfigurationException(property, "must be longer than zero");
    }
}
