namespace Mosaik.EndToEnd.Tests;

/// <summary>Tests that need the machine for themselves, because they say how long something may take.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "alone";
}
