using System.Runtime.InteropServices;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// Odd multiples of 2⁰·P, 2⁶⁴·P, 2¹²⁸·P and 2¹⁹²·P for one point P of Ed25519: a multiplication by any scalar then
/// needs 64 doublings instead of 253. Immutable.
/// </summary>
/// <remarks>
/// Each point is kept affine as ((y + x)/2, (y − x)/2, d·x·y), what a mixed addition reads. A table is made with two
/// inversions: the first makes the four powers and their doubles affine, the second all odd multiples.
/// </remarks>
internal sealed class Ed25519Multiples
{
    /// <summary>How many parts of 64 bits a scalar has.</summary>
    internal const int Parts = 4;

    /// <summary>Bits of a part, which is also the number of doublings between two parts.</summary>
    internal const int PartBits = 64;

    private readonly Entry[] _entries;
    private readonly int _perPart;

    /// <summary>Makes the table of the point (x, y) for signed digits of <paramref name="width"/> bits.</summary>
    internal Ed25519Multiples(in Field25519 x, in Field25519 y, int width)
    {
        Width = width;
        _perPart = 1 << (width - 2);
        _entries = new Entry[Parts * _perPart];

        var powers = new Ed25519Accumulator[2 * Parts];
        var running = new Ed25519Accumulator();
        running.SetAffine(x, y);
        for (var part = 0; part < Parts; part++)
        {
            for (var i = 0; i < PartBits && part > 0; i++)
                running.Double();
            powers[2 * part] = running.Clone();
            powers[(2 * part) + 1] = running.Clone();
            powers[(2 * part) + 1].Double();
        }
        var affine = ToEntries(powers);

        var multiples = new Ed25519Accumulator[_entries.Length];
        for (var part = 0; part < Parts; part++)
        {
            var multiple = powers[2 * part];
            for (var i = 0; i < _perPart; i++)
            {
                if (i > 0)
                    multiple.Add(affine[(2 * part) + 1], negate: false);
                multiples[(part * _perPart) + i] = multiple.Clone();
            }
        }
        ToEntries(multiples).CopyTo(_entries, 0);
    }

    /// <summary>Bits of a signed digit.</summary>
    internal int Width { get; }

    /// <summary>The multiple |<paramref name="oddDigit"/>| · 2^(64·<paramref name="part"/>) · P.</summary>
    internal ref readonly Entry this[int part, int oddDigit] =>
        ref _entries[(part * _perPart) + (Math.Abs(oddDigit) >> 1)];

    /// <summary>The points, affine: with one inversion for all denominators (Montgomery's trick).</summary>
    internal static Entry[] ToEntries(Ed25519Accumulator[] points)
    {
        var before = new Field25519[points.Length];
        var product = Field25519.One;
        for (var i = 0; i < points.Length; i++)
        {
            before[i] = product;
            Field25519.Multiply(product, points[i].Z, out product);
        }
        Field25519.Invert(product, out var inverse);
        var entries = new Entry[points.Length];
        for (var i = points.Length - 1; i >= 0; i--)
        {
            Field25519.Multiply(inverse, before[i], out var inverseOfZ);
            Field25519.Multiply(inverse, points[i].Z, out inverse);
            entries[i] = Entry.From(points[i], inverseOfZ);
        }
        return entries;
    }

    /// <summary>One affine point in the form of a mixed addition; all three numbers are carried.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Entry
    {
        /// <summary>(y + x) / 2.</summary>
        internal Field25519 HalfSum;

        /// <summary>(y − x) / 2.</summary>
        internal Field25519 HalfDifference;

        /// <summary>d · x · y.</summary>
        internal Field25519 ProductTimesD;

        internal static Entry From(Ed25519Accumulator point, in Field25519 inverseOfZ)
        {
            Field25519.Multiply(point.X, inverseOfZ, out var x);
            Field25519.Multiply(point.Y, inverseOfZ, out var y);
            Field25519.Add(y, x, out var sum);
            Field25519.Subtract(y, x, out var difference);
            var entry = default(Entry);
            Field25519.Multiply(sum, Ed25519Curve.Half, out entry.HalfSum);
            Field25519.Multiply(difference, Ed25519Curve.Half, out entry.HalfDifference);
            Field25519.Multiply(x, y, out x);
            Field25519.Multiply(x, Ed25519Curve.D, out entry.ProductTimesD);
            return entry;
        }
    }
}
