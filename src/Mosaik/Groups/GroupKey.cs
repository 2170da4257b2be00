using System.Security.Cryptography;
using Mosaik.Discovery;
using Mosaik.Postcard;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Groups;

/// <summary>The secret that makes a node a member of a group: 32 bytes that all members hold (spec/groups.md §2.2).</summary>
/// <remarks>
/// It never travels: members prove to each other that they hold it. Together with the configuration it also determines
/// the <see cref="GroupId"/>. Equality takes the same time whatever the bytes are; the text form hides all but two bytes.
/// </remarks>
[PostcardConverter(typeof(GroupKeyPostcardConverter))]
public sealed class GroupKey : IEquatable<GroupKey>
{
    /// <summary>Bytes of a key.</summary>
    public const int Length = UniqueId.Length;

    private readonly UniqueId _secret;

    private GroupKey(UniqueId secret) => _secret = secret;

    /// <summary>The secret itself, for the proof of membership.</summary>
    internal UniqueId Secret => _secret;

    /// <summary>A key of 32 given bytes.</summary>
    /// <param name="secret">The bytes.</param>
    /// <returns>The key.</returns>
    public static GroupKey FromSecret(UniqueId secret) => new(secret);

    /// <summary>A key from text: 64 hexadecimal digits are the bytes, anything else is hashed (the from-string rule).</summary>
    /// <param name="secret">The text.</param>
    /// <returns>The key.</returns>
    public static GroupKey FromSecret(string secret) => new(UniqueId.From(secret));

    /// <summary>A key that nobody else has.</summary>
    /// <param name="source">Where the bytes come from; must be cryptographic outside of tests.</param>
    /// <returns>The key.</returns>
    public static GroupKey Random(RandomSource source) => new(UniqueId.Random(source));

    /// <summary>A key that nobody else has, from the generator of the operating system.</summary>
    /// <returns>The key.</returns>
    public static GroupKey Generate() => Random(RandomSource.Cryptographic);

    /// <summary>
    /// The key of a group that is open to whoever the validator accepts: its signature. As public as the validator's
    /// configuration is; combine it with <see cref="GroupOptions.Tickets"/>.
    /// </summary>
    /// <param name="validator">The validator.</param>
    /// <returns>The key.</returns>
    public static GroupKey FromValidator(ITicketValidator validator)
    {
        ArgumentNullException.ThrowIfNull(validator);
        return new GroupKey(validator.Signature);
    }

    /// <summary>Writes the 32 bytes of the secret.</summary>
    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    public void CopyTo(Span<byte> destination) => _secret.CopyTo(destination);

    /// <inheritdoc/>
    public bool Equals(GroupKey? other) =>
        other is not null && CryptographicOperations.FixedTimeEquals(_secret.AsSpan(), other._secret.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as GroupKey);

    /// <inheritdoc/>
    public override int GetHashCode() => _secret.Hashed().GetHashCode();

    /// <summary>The first and the last byte.</summary>
    /// <returns>For example <c>c5****50</c>.</returns>
    public override string ToString()
    {
        var bytes = _secret.AsSpan();
        return $"{bytes[0]:x2}****{bytes[^1]:x2}";
    }
}
