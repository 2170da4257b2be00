namespace Mosaik.Networking;

/// <summary>A decoded message.</summary>
/// <param name="Value">The message.</param>
/// <param name="Length">The length of its payload on the wire.</param>
internal readonly record struct Received<T>(T Value, int Length);
