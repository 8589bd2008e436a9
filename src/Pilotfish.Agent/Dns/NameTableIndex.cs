using System.Net;
using System.Net.Sockets;
using Istio.Networking.Nds.V1;
using Pilotfish.Language.Dns;

namespace Pilotfish.Agent.Dns;

/// <summary>
/// The mesh's names, ready to be answered: short forms and the expansion by the first search domain are entries of their own,
/// so that an answer needs no round trip per search domain. Immutable.
/// </summary>
public sealed class NameTableIndex
{
    /// <summary>Istio's value: clients ask again soon after a change, and not for every connection.</summary>
    private const uint TtlSeconds = 30;

    private const string Kubernetes = "Kubernetes";

    private readonly Dictionary<string, IPAddress[]> _hosts = new(StringComparer.Ordinal);

    // Name under the search domain -> name that it stands for.
    private readonly Dictionary<string, string> _aliases = new(StringComparer.Ordinal);

    public int HostCount => _hosts.Count;

    /// <param name="table">As the control plane sent it.</param>
    /// <param name="proxyNamespace">Short names of services in this namespace are known without it.</param>
    /// <param name="proxyDomain">As in the proxy's node id: the namespace may lead it.</param>
    /// <param name="searchDomains">Of the pod's resolv.conf.</param>
    public static NameTableIndex Build(
        NameTable table, string proxyNamespace, string proxyDomain, IReadOnlyList<string> searchDomains)
    {
        var index = new NameTableIndex();
        string domain = proxyDomain.StartsWith(proxyNamespace + ".", StringComparison.Ordinal)
            ? proxyDomain[(proxyNamespace.Length + 1)..]
            : proxyDomain;
        foreach ((string host, NameTable.Types.NameInfo info) in table.Table)
        {
            IPAddress[] addresses = [.. ParseAddresses(info.Ips)];
            if (addresses.Length == 0)
            {
                continue;
            }

            HashSet<string> names = info.Registry == Kubernetes
                ? KubernetesForms(host, info, proxyNamespace, domain)
                : [host.EndsWith('.') ? host : host + "."];
            index.Add(names, addresses, searchDomains.Count > 0 ? searchDomains[0] : null);
        }

        return index;
    }

    /// <summary>
    /// False where the mesh does not know the name, or the type is none that it answers: then the question goes upstream.
    /// Known names without an address of the family have an empty answer.
    /// </summary>
    public bool TryAnswer(DnsQuestion question, Random random, out IReadOnlyList<DnsRecord> answers)
    {
        answers = [];
        if (question.Type is not (DnsRecordType.A or DnsRecordType.AAAA)
            || !TryFind(question.Name.ToLowerInvariant(), out string known, out bool isWildcard))
        {
            return false;
        }

        var records = new List<DnsRecord>();
        string owner = question.Name;
        if (_aliases.TryGetValue(known, out string? target))
        {
            records.Add(DnsRecord.OfAlias(question.Name, target, TtlSeconds));
            owner = target;
            known = target;
        }
        else if (!isWildcard)
        {
            owner = known;
        }

        AddressFamily family = question.Type == DnsRecordType.A ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        IPAddress[] addresses = [.. _hosts[known].Where(a => a.AddressFamily == family)];
        if (addresses.Length == 0)
        {
            return true;
        }

        // Clients take the first address: the order spreads them.
        random.Shuffle(addresses);
        records.AddRange(addresses.Select(a => DnsRecord.OfAddress(owner, a, TtlSeconds)));
        answers = records;
        return true;
    }

    private static IEnumerable<IPAddress> ParseAddresses(IEnumerable<string> texts)
    {
        foreach (string text in texts)
        {
            if (IPAddress.TryParse(text, out IPAddress? address))
            {
                yield return address;
            }
        }
    }

    private static HashSet<string> KubernetesForms(
        string host, NameTable.Types.NameInfo info, string proxyNamespace, string domain)
    {
        if (host.EndsWith('.'))
        {
            return [];
        }

        HashSet<string> names = [host + "."];
        if (domain.Length == 0 || !host.EndsWith(domain, StringComparison.Ordinal))
        {
            return names;
        }

        names.Add($"{info.Shortname}.{info.Namespace}.");
        names.Add($"{info.Shortname}.{info.Namespace}.{domain.Split('.')[0]}.");
        if (info.Namespace == proxyNamespace)
        {
            names.Add($"{info.Shortname}.");
        }

        foreach (string alternative in info.AltHosts)
        {
            names.Add(alternative + ".");
        }

        return names;
    }

    private void Add(HashSet<string> names, IPAddress[] addresses, string? searchDomain)
    {
        foreach (string mixedCase in names)
        {
            string name = mixedCase.ToLowerInvariant();
            _hosts[name] = addresses;
            if (searchDomain is null || name.EndsWith(searchDomain + ".", StringComparison.Ordinal))
            {
                continue;
            }

            string expanded = (name + searchDomain).ToLowerInvariant();
            expanded = expanded.EndsWith('.') ? expanded : expanded + ".";
            if (!names.Contains(expanded))
            {
                _aliases[expanded] = name;
            }
        }
    }

    private bool TryFind(string name, out string known, out bool isWildcard)
    {
        known = name;
        isWildcard = false;
        if (IsKnown(name))
        {
            return true;
        }

        for (int dot = name.IndexOf('.'); dot >= 0 && dot < name.Length - 1; dot = name.IndexOf('.', dot + 1))
        {
            known = "*" + name[dot..];
            if (IsKnown(known))
            {
                isWildcard = true;
                return true;
            }
        }

        return false;
    }

    // A name that is both, "a.b" under search domain "b", is the host: the expansion only saves a round trip.
    private bool IsKnown(string name) => _hosts.ContainsKey(name) || _aliases.ContainsKey(name);
}
