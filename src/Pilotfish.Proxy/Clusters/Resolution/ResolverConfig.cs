using System.Globalization;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters.Resolution;

/// <summary>What resolv.conf(5) says; bad lines are skipped, as libc does.</summary>
public sealed record ResolverConfig
{
    private const ushort DnsPort = 53;

    // libc's limits (MAXNS and the options' caps).
    private const int ServersMax = 3;
    private const int NdotsMax = 15;
    private const int TimeoutSecondsMax = 30;
    private const int AttemptsMax = 5;

    public IReadOnlyList<NetAddress> Servers { get; init; } = [NetAddress.Loopback(DnsPort)];

    /// <summary>The file names no server; the local one stands in, as in libc.</summary>
    public bool IsDefault { get; init; } = true;

    public IReadOnlyList<string> Search { get; init; } = [];

    public int Ndots { get; init; } = 1;

    public int TimeoutSeconds { get; init; } = 5;

    public int Attempts { get; init; } = 2;

    public static ResolverConfig Parse(string text)
    {
        var config = new ResolverConfig();
        var servers = new List<NetAddress>();
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2)
            {
                continue;
            }

            switch (words[0])
            {
                case "nameserver" when servers.Count < ServersMax && NetAddress.TryParseIp(words[1], DnsPort, out NetAddress server):
                    servers.Add(server);
                    break;
                case "search" or "domain":
                    config = config with { Search = words[1..] };
                    break;
                case "options":
                    config = WithOptions(config, words);
                    break;
                default:
                    break;
            }
        }

        return servers.Count == 0 ? config : config with { Servers = servers, IsDefault = false };
    }

    /// <summary>The names to try for a given name, in libc's order.</summary>
    public IReadOnlyList<string> Candidates(string name)
    {
        if (name.EndsWith('.'))
        {
            return [name.TrimEnd('.')];
        }

        int dots = 0;
        foreach (char c in name)
        {
            dots += c == '.' ? 1 : 0;
        }

        var candidates = new List<string>();
        foreach (string domain in Search)
        {
            candidates.Add($"{name}.{domain.TrimEnd('.')}");
        }

        candidates.Insert(dots >= Ndots ? 0 : candidates.Count, name);
        return candidates;
    }

    private static ResolverConfig WithOptions(ResolverConfig config, string[] words)
    {
        foreach (string word in words)
        {
            int colon = word.IndexOf(':');
            if (colon < 0 || !int.TryParse(word.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int value))
            {
                continue;
            }

            config = word[..colon] switch
            {
                "ndots" => config with { Ndots = Math.Min(value, NdotsMax) },
                "timeout" => config with { TimeoutSeconds = Math.Clamp(value, 1, TimeoutSecondsMax) },
                "attempts" => config with { Attempts = Math.Clamp(value, 1, AttemptsMax) },
                _ => config,
            };
        }

        return config;
    }
}
