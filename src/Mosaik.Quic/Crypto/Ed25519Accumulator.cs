using Org.BouncyCastle.Math.EC.Rfc7748;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// A point of Ed25519 that is doubled and added to, in extended coordinates (RFC 8032 §5.1.4) with T = U·V. It starts
/// as the neutral element.
/// </summary>
/// <remarks>
/// The formulas are complete: they hold for every pair of points of the curve. Field elements have ten limbs; a product
/// takes sums of up to three products, and the one sum that is larger is carried first.
/// </remarks>
internal sealed class Ed25519Accumulator
{
    private readonly int[] _u = X25519Field.Create();
    private readonly int[] _v = X25519Field.Create();
    private readonly int[] _a = X25519Field.Create();
    private readonly int[] _b = X25519Field.Create();
    private readonly int[] _c = X25519Field.Create();

    internal Ed25519Accumulator()
    {
        X25519Field.One(Y);
        X25519Field.One(Z);
        X25519Field.One(_v);
    }

    /// <summary>X of (X/Z, Y/Z).</summary>
    internal int[] X { get; } = X25519Field.Create();

    /// <summary>Y of (X/Z, Y/Z).</summary>
    internal int[] Y { get; } = X25519Field.Create();

    /// <summary>Z of (X/Z, Y/Z), never zero.</summary>
    internal int[] Z { get; } = X25519Field.Create();

    /// <summary>Becomes the point (x, y).</summary>
    internal void SetAffine(int[] x, int[] y)
    {
        x.CopyTo(X, 0);
        y.CopyTo(Y, 0);
        X25519Field.One(Z);
        x.CopyTo(_u, 0);
        y.CopyTo(_v, 0);
    }

    /// <summary>A copy.</summary>
    internal Ed25519Accumulator Clone()
    {
        var copy = new Ed25519Accumulator();
        X.CopyTo(copy.X, 0);
        Y.CopyTo(copy.Y, 0);
        Z.CopyTo(copy.Z, 0);
        _u.CopyTo(copy._u, 0);
        _v.CopyTo(copy._v, 0);
        return copy;
    }

    /// <summary>Doubles: four squares and three products.</summary>
    internal void Double()
    {
        X25519Field.Add(X, Y, _u);
        X25519Field.Sqr(X, X);
        X25519Field.Sqr(Y, Y);
        X25519Field.Sqr(Z, Z);
        X25519Field.Add(Z, Z, Z);
        X25519Field.Apm(X, Y, _v, Y);           // H = X² + Y², G = X² − Y²
        X25519Field.Sqr(_u, _u);
        X25519Field.Sub(_v, _u, _u);            // E = H − (X + Y)²
        X25519Field.Add(Z, Y, X);               // F = 2Z² + G
        X25519Field.Carry(X);
        X25519Field.Mul(X, Y, Z);
        X25519Field.Mul(X, _u, X);
        X25519Field.Mul(Y, _v, Y);
    }

    /// <summary>Adds or subtracts an affine point: seven products.</summary>
    internal void Add(in Ed25519Multiples.Entry point, bool negate)
    {
        X25519Field.Apm(Y, X, _b, _a);
        X25519Field.Mul(_a, negate ? point.HalfSum : point.HalfDifference, _a);
        X25519Field.Mul(_b, negate ? point.HalfDifference : point.HalfSum, _b);
        X25519Field.Mul(_u, _v, _c);
        X25519Field.Mul(_c, point.ProductTimesD, _c);
        X25519Field.Apm(_b, _a, _v, _u);        // H, E
        if (negate)
            X25519Field.Apm(Z, _c, X, Y);       // F, G
        else
            X25519Field.Apm(Z, _c, Y, X);       // G, F
        X25519Field.Mul(X, Y, Z);
        X25519Field.Mul(X, _u, X);
        X25519Field.Mul(Y, _v, Y);
    }
}
