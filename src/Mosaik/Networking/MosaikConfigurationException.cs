using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>An option has a value that cannot work. Raised before anything is started.</summary>
public sealed class MosaikConfigurationException : MosaikException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="property">The property, with the record it belongs to: <c>NetworkOptions.OnlineTimeout</c>.</param>
    /// <param name="problem">What is wrong with it, to be read after the name.</param>
    public MosaikConfigurationException(string property, string problem)
        : base($"{property} {problem}.") => Property = property;

    /// <summary>The property, with the record it belongs to.</summary>
    public string Property { get; }
}
