using System.Net;

namespace Pilotfish.Local.Dns;

/// <summary>Names of the cluster, lower case and without the final dot, at one moment.</summary>
internal sealed record DnsTable(
    IReadOnlyDictionary<string, IReadOnlyList<IPAddress>> Addresses, IReadOnlyDictionary<string, string> Aliases)
{
    public static readonly DnsTable Empty = new(
        new Dictionary<string, IReadOnlyList<IPAddress>>(), new Dictionary<string, string>());
}
