using System.Net;
using System.Net.Sockets;
using Pilotfish.Api.Failures;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Resolves names as the operating system does (hosts file, resolv.conf). The system's resolver blocks a thread of its own
/// and tells no time to live; answers come back to the main loop.
/// </summary>
internal sealed class SystemNameResolver : NameResolver
{
    // Stands in for the time to live that getaddrinfo does not tell; clusters bound it below by their refresh rate.
    private const long TtlMilliseconds = 5000;

    public override async ValueTask<NameAnswer> ResolveAsync(string name, AddressFamilyKind family)
    {
        try
        {
            AddressFamily wanted = family switch
            {
                AddressFamilyKind.IPv4 => AddressFamily.InterNetwork,
                AddressFamilyKind.IPv6 => AddressFamily.InterNetworkV6,
                _ => AddressFamily.Unspecified,
            };
            IPAddress[] found = await Dns.GetHostAddressesAsync(name, wanted);
            List<NetAddress> addresses = new(found.Length);
            foreach (IPAddress address in found)
            {
                addresses.Add(NetAddress.From(address, 0));
            }

            return new NameAnswer(addresses, TtlMilliseconds, null);
        }
        catch (SocketException e)
        {
            // A name that does not exist has no addresses; anything else is a failure that keeps what is known.
            return e.SocketErrorCode is SocketError.HostNotFound or SocketError.NoData
                ? new NameAnswer([], TtlMilliseconds, null)
                : new NameAnswer([], TtlMilliseconds, FailureText.Of(e));
        }
    }
}
