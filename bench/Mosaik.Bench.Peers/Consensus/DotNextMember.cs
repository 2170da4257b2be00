using System.Buffers.Binary;
using System.Net;
using DotNext.Buffers;
using DotNext.Net;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.Membership;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using Mosaik.Bench.Contracts.Consensus;

namespace Mosaik.Bench.Peers.Consensus;

/// <summary>
/// A member of DotNext's Raft over TCP: in memory, where it keeps no payload, or with its write-ahead log on tmpfs
/// (spec/performance.md §8.2).
/// </summary>
public sealed class DotNextMember : ConsensusMember
{
    private const int Block = 65_536;

    // The log maps every chunk into memory and keeps its file open. Chunks of 4 KiB, its default, would be thousands of
    // files per second, more than a process may have open after a few seconds.
    private const int ChunkBytes = 1 << 20;

    // Only a snapshot lets the log let go of what came before it.
    private const int EntriesPerSnapshot = 50_000;

    private RaftCluster? _cluster;
    private WriteAheadLog? _log;
    private DirectoryInfo? _folder;

    protected override async Task OpenAsync(IPEndPoint own, IPEndPoint[] all)
    {
        IPersistentState state = Plan.HasLog ? _log = CreateLog() : new ConsensusOnlyState();
        _cluster = new RaftCluster(new RaftCluster.TcpConfiguration(own)
        {
            ConfigurationStorage = new FixedMembers(all),
            LowerElectionTimeout = (int)ElectionTimes.Shortest.TotalMilliseconds,
            UpperElectionTimeout = (int)ElectionTimes.Longest.TotalMilliseconds,
            TransmissionBlockSize = Block,
            ColdStart = false,
        })
        {
            AuditTrail = state,
        };
        await _cluster.StartAsync(CancellationToken.None);
        await _cluster.WaitForLeaderAsync(TimeSpan.FromSeconds(30), CancellationToken.None);
    }

    // Set by OpenAsync, here and below.
    protected override async Task WaitForLeadershipAsync(CancellationToken cancellationToken) =>
        await _cluster!.WaitForLeadershipAsync(cancellationToken);

    protected override ValueTask ExecuteAsync(ReadOnlyMemory<byte> command) =>
        _cluster!.ReplicateAsync(command, null, CancellationToken.None);

    protected override bool IsLossOfLeadership(Exception failure) => failure is NotLeaderException;

    protected override async ValueTask CloseAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.StopAsync(CancellationToken.None);
            _cluster.Dispose();
        }

        if (_log is not null)
            await _log.DisposeAsync();
        _folder?.Delete(recursive: true);
    }

    private WriteAheadLog CreateLog()
    {
        var memory = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        _folder = Directory.CreateDirectory(Path.Combine(memory, $"mosaik-bench-dotnext-{Guid.NewGuid():N}"));
        return new WriteAheadLog(
            new WriteAheadLog.Options { Location = _folder.CreateSubdirectory("log").FullName, ChunkSize = ChunkBytes },
            new CountingState(_folder.CreateSubdirectory("state")));
    }

    /// <summary>Counts its entries, whatever they are.</summary>
    private sealed class CountingState(DirectoryInfo location) : SimpleStateMachine(location)
    {
        private long _count;

        protected override async ValueTask RestoreAsync(FileInfo snapshotFile, CancellationToken token) =>
            _count = BinaryPrimitives.ReadInt64LittleEndian(await File.ReadAllBytesAsync(snapshotFile.FullName, token));

        protected override ValueTask PersistAsync(DotNext.IO.IAsyncBinaryWriter writer, CancellationToken token)
        {
            var bytes = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, _count);
            return writer.WriteAsync(bytes, null, token);
        }

        /// <returns>Whether a snapshot is to be taken.</returns>
        protected override ValueTask<bool> ApplyAsync(LogEntry entry, CancellationToken token) =>
            ValueTask.FromResult(++_count % EntriesPerSnapshot == 0);
    }

    private sealed class FixedMembers : InMemoryClusterConfigurationStorage<EndPoint>
    {
        public FixedMembers(IPEndPoint[] members)
        {
            var builder = CreateInitialConfigurationBuilder();
            builder.UnionWith(members);
            builder.Build();
        }

        protected override void Encode(EndPoint address, ref BufferWriterSlim<byte> output) =>
            output.WriteEndPoint(address);

        protected override EndPoint Decode(ref SequenceReader reader) => reader.ReadEndPoint();
    }
}
