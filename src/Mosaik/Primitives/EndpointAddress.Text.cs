using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Primitives;

/// <content>The text form that people pass around: <c>ID@IP:PORT,IP:PORT</c>, or a bare id.</content>
public sealed partial class EndpointAddress
{
    /// <summary>
    /// The id in 64 hexadecimal digits, then, if there are addresses, <c>@</c> and the addresses separated by commas.
    /// <see cref="Parse"/> reads it back, except for custom addresses.
    /// </summary>
    public override string ToString() => Addresses.IsEmpty ? Id.ToString() : $"{Id}@{string.Join(',', Addresses)}";

    /// <summary>Reads the text form.</summary>
    /// <param name="text">For example <c>3b6a…da29@192.168.1.10:4433</c>.</param>
    /// <returns>The address.</returns>
    /// <exception cref="FormatException">The message names the part that is wrong and what is expected
    /// there.</exception>
    public static EndpointAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out var address, out var problem) ? address : throw new FormatException(problem);
    }

    /// <summary>Reads the text form without an exception.</summary>
    /// <param name="text">The text.</param>
    /// <param name="address">The address.</param>
    /// <param name="problem">What is wrong, in words for people.</param>
    /// <returns>False when the text has another form.</returns>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out EndpointAddress? address, [NotNullWhen(false)] out string? problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        (address, problem) = (null, null);
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var idText = at < 0 ? text : text[..at];
        if (!PeerId.TryParse(idText, null, out var id))
        {
            problem = $"'{idText}' is not a peer id: 64 lower-case hexadecimal digits of an Ed25519 public key";
            return false;
        }

        var addresses = new List<TransportAddress>();
        foreach (var part in at < 0 ? [] : text[(at + 1)..].Split(','))
        {
            if (!TransportAddress.TryParse(part, out var transport))
            {
                problem = $"'{part}' is not IP:PORT";
                return false;
            }

            addresses.Add(transport);
        }

        address = new EndpointAddress(id, addresses);
        return true;
    }
}
