using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Simulation.Streams;

/// <summary>One datum: who sent it, in which life and through which handle, and its number there.</summary>
/// <param name="Producer">The index of the producing node.</param>
/// <param name="Life">How often its producer was made before.</param>
/// <param name="Handle">The handle.</param>
/// <param name="Number">Counts what the handle has accepted.</param>
/// <param name="Attempt">Counts what the handle was asked to send: a refused attempt leaves its number to the next
/// one.</param>
/// <param name="Topic">What consumers may choose by.</param>
/// <param name="Padding">Bytes that follow.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Datum(
    int Producer, int Life, int Handle, int Number, int Attempt, int Topic, int Padding)
{
    /// <summary>How many topics there are.</summary>
    public const int Topics = 3;

    /// <inheritdoc/>
    public override string ToString() =>
        $"p{Producer}.{Life}/h{Handle} #{Number} (attempt {Attempt}, topic {Topic}, {Padding} B)";
}

/// <summary>Numbers, then a pattern that depends on them, so that bytes of another datum are noticed.</summary>
internal sealed class DatumCodec(StreamsWorld world) : IDatumCodec<Datum>
{
    private const int HeaderBytes = 7 * sizeof(int);
    private const int LongestPadding = 64 * 1024;
    private const int Period = 251;
    private const int Piece = 1000;

    private static readonly byte[] Pattern =
        [.. Enumerable.Range(0, LongestPadding + Period).Select(static i => (byte)(i % Period))];

    public void Encode(Datum datum, IBufferWriter<byte> writer)
    {
        Span<byte> header = writer.GetSpan(HeaderBytes);
        ReadOnlySpan<int> numbers =
        [
            datum.Producer, datum.Life, datum.Handle, datum.Number, datum.Attempt, datum.Topic, datum.Padding,
        ];
        for (int i = 0; i < numbers.Length; i++)
            BinaryPrimitives.WriteInt32LittleEndian(header[(i * sizeof(int))..], numbers[i]);
        writer.Advance(HeaderBytes);
        for (ReadOnlySpan<byte> rest = PaddingOf(datum); !rest.IsEmpty;)
        {
            ReadOnlySpan<byte> piece = rest[..Math.Min(Piece, rest.Length)];
            piece.CopyTo(writer.GetSpan(piece.Length));
            writer.Advance(piece.Length);
            rest = rest[piece.Length..];
        }
    }

    public bool TryDecode(ReadOnlySpan<byte> payload, [MaybeNullWhen(false)] out Datum datum)
    {
        datum = default;
        if (payload.Length < HeaderBytes)
            return Damaged(payload);
        Span<int> numbers = stackalloc int[7];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = BinaryPrimitives.ReadInt32LittleEndian(payload[(i * sizeof(int))..]);
        datum = new Datum(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]);
        return (uint)datum.Padding <= LongestPadding && payload[HeaderBytes..].SequenceEqual(PaddingOf(datum))
            || Damaged(payload);
    }

    private static ReadOnlySpan<byte> PaddingOf(in Datum datum) =>
        Pattern.AsSpan(
            (int)((uint)(datum.Number + (31 * datum.Producer) + (57 * datum.Life) + (89 * datum.Handle)) % Period),
            datum.Padding);

    private bool Damaged(ReadOnlySpan<byte> payload)
    {
        world.Fail("ST-1", $"a datum of {payload.Length} bytes is not what was sent");
        return false;
    }
}
