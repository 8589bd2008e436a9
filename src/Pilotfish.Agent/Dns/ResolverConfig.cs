using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Agent.Dns;

/// <summary>What the DNS proxy needs of resolv.conf.</summary>
public sealed record ResolverConfig(IReadOnlyList<NetAddress> Servers, IReadOnlyList<string> SearchDomains)
{
    private const ushort DnsPort = 53;

    /// <summary>resolv.conf(5) has no more either; a query tries them one after the other.</summary>
    private const int ServersMax = 3;

    public static ResolverConfig Parse(string text)
    {
        var servers = new List<NetAddress>();
        IReadOnlyList<string> search = [];
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split((char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            switch (words)
            {
                case ["nameserver", var address, ..]
                    when servers.Count < ServersMax && NetAddress.TryParseIp(address, DnsPort, out NetAddress server):
                    servers.Add(server);
                    break;
                case ["search" or "domain", .. var domains]:
                    // The last line of the kind counts.
                    search = domains;
                    break;
            }
        }

        return new ResolverConfig(servers, search);
    }
}
