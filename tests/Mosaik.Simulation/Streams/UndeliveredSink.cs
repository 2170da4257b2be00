using System.Threading.Channels;

namespace Mosaik.Simulation.Streams;

/// <summary>Where a producer puts datums that were for nobody.</summary>
internal sealed class UndeliveredSink(StreamsLedger ledger) : ChannelWriter<Datum>
{
    public override bool TryWrite(Datum item)
    {
        ledger.OnUndelivered(item);
        return true;
    }

    public override ValueTask<bool> WaitToWriteAsync(CancellationToken cancellationToken = default) => new(true);
}
