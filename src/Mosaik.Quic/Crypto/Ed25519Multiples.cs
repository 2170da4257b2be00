using Org.BouncyCastle.Math.EC.Rfc7748;

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
    internal Ed25519Multiples(int[] x, int[] y, int width)
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

    // Montgomery's trick: one inversion for all denominators.
    private static Entry[] ToEntries(Ed25519Accumulator[] points)
    {
        var before = new int[points.Length][];
        var product = X25519Field.Create();
        X25519Field.One(product);
        for (var i = 0; i < points.Length; i++)
        {
            before[i] = (int[])product.Clone();
            X25519Field.Mul(product, points[i].Z, product);
        }
        var inverse = X25519Field.Create();
        X25519Field.Inv(product, inverse);
        var entries = new Entry[points.Length];
        var z = X25519Field.Create();
        for (var i = points.Length - 1; i >= 0; i--)
        {
            X25519Field.Mul(inverse, before[i], z);
            X25519Field.Mul(inverse, points[i].Z, inverse);
            entries[i] = Entry.From(points[i], z);
        }
        return entries;
    }

    /// <summary>One affine point in the form of a mixed addition.</summary>
    internal readonly struct Entry
    {
        private Entry(int[] halfSum, int[] halfDifference, int[] productTimesD)
        {
            HalfSum = halfSum;
            HalfDifference = halfDifference;
            ProductTimesD = productTimesD;
        }

        /// <summary>(y + x) / 2.</summary>
        internal int[] HalfSum { get; }

        /// <summary>(y − x) / 2.</summary>
        internal int[] HalfDifference { get; }

        /// <summary>d · x · y.</summary>
        internal int[] ProductTimesD { get; }

        internal static Entry From(Ed25519Accumulator point, int[] inverseOfZ)
        {
            var x = X25519Field.Create();
            var y = X25519Field.Create();
            var sum = X25519Field.Create();
            var difference = X25519Field.Create();
            X25519Field.Mul(point.X, inverseOfZ, x);
            X25519Field.Mul(point.Y, inverseOfZ, y);
            X25519Field.Apm(y, x, sum, difference);
            X25519Field.Mul(sum, Ed25519Curve.Half, sum);
            X25519Field.Mul(difference, Ed25519Curve.Half, difference);
            X25519Field.Mul(x, y, x);
            X25519Field.Mul(x, Ed25519Curve.D, x);
            // Limbs of a product may still be a little negative; the additions expect the smallest ones.
            X25519Field.Normalize(sum);
            X25519Field.Normalize(difference);
            X25519Field.Normalize(x);
            return new Entry(sum, difference, x);
        }
    }
}
