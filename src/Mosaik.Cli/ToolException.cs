namespace Mosaik.Cli;

/// <summary>Something went wrong that the user can act on; the message says what and how.</summary>
internal sealed class ToolException(string message) : Exception(message);
