using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters.Resolution;

/// <summary>hosts(5): names to addresses.</summary>
internal sealed class HostsFile
{
    private readonly Dictionary<string, List<NetAddress>> _addresses = new(StringComparer.OrdinalIgnoreCase);

    public static HostsFile Parse(string text)
    {
        var hosts = new HostsFile();
        foreach (string line in text.Split('\n'))
        {
            int comment = line.IndexOf('#');
            string[] words = (comment < 0 ? line : line[..comment]).Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2 || !NetAddress.TryParseIp(words[0], 0, out NetAddress address))
            {
                continue;
            }

            for (int i = 1; i < words.Length; i++)
            {
                hosts.Add(words[i], address);
            }
        }

        return hosts;
    }

    /// <summary>Null when the file does not know the name at all; empty when it knows it in another family only.</summary>
    public IReadOnlyList<NetAddress>? Find(string name, AddressFamilyKind family) =>
        _addresses.TryGetValue(name.TrimEnd('.'), out List<NetAddress>? all)
            ? all.FindAll(address => address.Kind == family)
            : null;

    private void Add(string name, NetAddress address)
    {
        if (!_addresses.TryGetValue(name, out List<NetAddress>? list))
        {
            _addresses.Add(name, list = []);
        }

        list.Add(address);
    }
}
