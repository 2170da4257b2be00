namespace Mosaik.Quic.Crypto;

/// <summary>
/// A point of Ed25519 that is doubled and added to, in extended coordinates (RFC 8032 §5.1.4) with T = U·V. It starts
/// as the neutral element.
/// </summary>
/// <remarks>
/// The formulas are complete: they hold for every pair of points of the curve, in the same time. X, Y and Z are always
/// carried (<see cref="Field25519"/>).
/// </remarks>
internal sealed class Ed25519Accumulator
{
    private Field25519 _x;
    private Field25519 _y = Field25519.One;
    private Field25519 _z = Field25519.One;
    private Field25519 _u;
    private Field25519 _v = Field25519.One;

    /// <summary>X of (X/Z, Y/Z).</summary>
    internal ref readonly Field25519 X => ref _x;

    /// <summary>Y of (X/Z, Y/Z).</summary>
    internal ref readonly Field25519 Y => ref _y;

    /// <summary>Z of (X/Z, Y/Z), never zero.</summary>
    internal ref readonly Field25519 Z => ref _z;

    /// <summary>Becomes the point (x, y).</summary>
    internal void SetAffine(in Field25519 x, in Field25519 y)
    {
        _x = _u = x;
        _y = _v = y;
        _z = Field25519.One;
    }

    /// <summary>A copy.</summary>
    internal Ed25519Accumulator Clone() => (Ed25519Accumulator)MemberwiseClone();

    /// <summary>Doubles: four squares and three products.</summary>
    internal void Double()
    {
        Field25519.Add(_x, _y, out var sum);
        Field25519.Square(_x, out var xx);
        Field25519.Square(_y, out var yy);
        Field25519.Square(_z, out var zz);
        Field25519.Add(xx, yy, out _v);             // H = X² + Y²
        Field25519.Subtract(xx, yy, out var g);     // G = X² − Y²
        Field25519.Square(sum, out sum);
        Field25519.Subtract(_v, sum, out _u);       // E = H − (X + Y)²
        Field25519.Add(zz, zz, out var f);
        Field25519.Add(f, g, out f);                // F = 2Z² + G
        Field25519.Carry(f, out f);
        Finish(f, g);
    }

    /// <summary>Adds or subtracts an affine point: seven products.</summary>
    internal void Add(in Ed25519Multiples.Entry point, bool negate)
    {
        Field25519.Add(_y, _x, out var b);
        Field25519.Subtract(_y, _x, out var a);
        Field25519.Multiply(a, negate ? point.HalfSum : point.HalfDifference, out a);
        Field25519.Multiply(b, negate ? point.HalfDifference : point.HalfSum, out b);
        Field25519.Multiply(_u, _v, out var c);
        Field25519.Multiply(c, point.ProductTimesD, out c);
        Field25519.Add(b, a, out _v);               // H
        Field25519.Subtract(b, a, out _u);          // E
        Field25519.Add(_z, c, out var plus);
        Field25519.Subtract(_z, c, out var minus);
        if (negate)
            Finish(plus, minus);
        else
            Finish(minus, plus);
    }

    // X = E·F, Y = G·H, Z = F·G.
    private void Finish(in Field25519 f, in Field25519 g)
    {
        Field25519.Multiply(f, g, out _z);
        Field25519.Multiply(f, _u, out _x);
        Field25519.Multiply(g, _v, out _y);
    }
}
