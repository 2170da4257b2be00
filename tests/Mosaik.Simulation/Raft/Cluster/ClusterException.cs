namespace Mosaik.Simulation.Raft.Cluster;

/// <summary>A cluster did what it must never do, or did not do what it was driven to.</summary>
internal sealed class ClusterException(string message) : Exception(message);
