using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// ECDH over NIST P-256 with uncompressed points and the raw x coordinate as the secret (RFC 8446 §4.2.8.2, §7.4.2).
/// </summary>
internal sealed class P256Exchange : KeyExchange
{
    /// <summary>Length of an uncompressed point: a marker byte and two coordinates.</summary>
    internal const int ShareLength = 1 + CoordinateLength + CoordinateLength;

    private const int CoordinateLength = 32;
    private const byte UncompressedPoint = 4;

    // A private key is out of range with probability 2^-32; a source that fails this often is broken.
    private const int MaxDraws = 16;

    private static readonly BigInteger Prime =
        Parse("0ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");

    private static readonly BigInteger Order =
        Parse("0ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

    private static readonly BigInteger CoefficientB =
        Parse("05ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");

    private readonly ECDiffieHellman _key;
    private readonly byte[] _share = new byte[ShareLength];

    private P256Exchange(byte[] privateKey)
    {
        _key = ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = privateKey });
        var point = _key.ExportParameters(includePrivateParameters: false).Q;
        _share[0] = UncompressedPoint;
        // An exported key has both coordinates.
        point.X!.CopyTo(_share.AsSpan(1));
        point.Y!.CopyTo(_share.AsSpan(1 + CoordinateLength));
    }

    /// <summary>Draws a private key uniformly from [1, order).</summary>
    internal static P256Exchange Create(RandomSource random)
    {
        var privateKey = new byte[CoordinateLength];
        try
        {
            for (var draw = 0; draw < MaxDraws; draw++)
            {
                random.Fill(privateKey);
                var number = ToInteger(privateKey);
                if (!number.IsZero && number < Order)
                    return new P256Exchange(privateKey);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(privateKey);
        }
        throw new CryptographicException("The random source yields no valid P-256 key.");
    }

    /// <summary>Takes a given private key: test vectors.</summary>
    internal static P256Exchange FromPrivateKey(ReadOnlySpan<byte> privateKey)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(privateKey.Length, CoordinateLength, nameof(privateKey));
        return new P256Exchange(privateKey.ToArray());
    }

    /// <inheritdoc/>
    internal override NamedGroup Group => NamedGroup.P256;

    /// <inheritdoc/>
    internal override ReadOnlySpan<byte> PublicShare => _share;

    /// <inheritdoc/>
    internal override bool TryAgree(ReadOnlySpan<byte> peerShare, Span<byte> secret)
    {
        // Checked here, so that the base class library never sees a bad point: it would report it by an exception.
        if (!IsPoint(peerShare))
            return false;
        using var peer = ECDiffieHellman.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint
            {
                X = peerShare.Slice(1, CoordinateLength).ToArray(),
                Y = peerShare[(1 + CoordinateLength)..].ToArray(),
            },
        });
        using var publicKey = peer.PublicKey;
        var agreed = _key.DeriveRawSecretAgreement(publicKey);
        agreed.CopyTo(secret);
        CryptographicOperations.ZeroMemory(agreed);
        return true;
    }

    /// <inheritdoc/>
    public override void Dispose() => _key.Dispose();

    // Uncompressed, coordinates below p, y² = x³ − 3x + b. The order of the curve is prime, so that is all.
    private static bool IsPoint(ReadOnlySpan<byte> share)
    {
        if (share.Length != ShareLength || share[0] != UncompressedPoint)
            return false;
        var x = ToInteger(share.Slice(1, CoordinateLength));
        var y = ToInteger(share[(1 + CoordinateLength)..]);
        if (x >= Prime || y >= Prime)
            return false;
        var right = (x * x - 3) * x + CoefficientB;
        return ((y * y - right) % Prime).IsZero;
    }

    private static BigInteger ToInteger(ReadOnlySpan<byte> bytes) =>
        new(bytes, isUnsigned: true, isBigEndian: true);

    private static BigInteger Parse(string hex) =>
        BigInteger.Parse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
