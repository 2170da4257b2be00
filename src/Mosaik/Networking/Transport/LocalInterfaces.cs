using System.Net;
using System.Net.NetworkInformation;

namespace Mosaik.Networking.Transport;

/// <summary>The addresses of this machine.</summary>
internal static class LocalInterfaces
{
    /// <summary>Unicast addresses of all interfaces that are up, with the length of their network prefixes.</summary>
    public static IReadOnlyList<(IPAddress Address, int PrefixLength)> Read()
    {
        var found = new List<(IPAddress, int)>();
        try
        {
            foreach (var nic in NetworkInterface.GetAllNetworkInterfaces())
            {
                if (nic.OperationalStatus is not (OperationalStatus.Up or OperationalStatus.Unknown))
                    continue;
                foreach (var unicast in nic.GetIPProperties().UnicastAddresses)
                    found.Add((unicast.Address, unicast.PrefixLength));
            }
        }
        catch (NetworkInformationException)
        {
            // A sandbox that hides its interfaces: what the sockets are bound to is all we know.
        }

        return found;
    }
}
