using System.Collections.Immutable;
using System.Net;

namespace Pilotfish.Capture.Rules;

/// <summary>
/// Resolvers whose packets are taken to the agent. The texts are kept as the operator or resolv.conf wrote them.
/// </summary>
internal sealed record DnsServers(ImmutableArray<string> V4, ImmutableArray<string> V6)
{
    public static readonly DnsServers None = new([], []);

    public bool IsEmpty => V4.IsEmpty && V6.IsEmpty;

    public static DnsServers From(IEnumerable<string> addresses)
    {
        var v4 = ImmutableArray.CreateBuilder<string>();
        var v6 = ImmutableArray.CreateBuilder<string>();
        foreach (string address in addresses)
        {
            (IPAddress.Parse(address).AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? v4 : v6).Add(address);
        }

        return new DnsServers(v4.ToImmutable(), v6.ToImmutable());
    }
}
