using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>What Istio refuses in the balancing of a traffic policy.</summary>
internal static class LoadBalancerRules
{
    /// <summary>Envoy's bound for Maglev tables; it is a prime itself.</summary>
    private const ulong MaglevTableMax = 5_000_011;

    public static void Check(YamlMapping? balancer, string path, ConfigProblems problems)
    {
        if (balancer is null)
        {
            return;
        }

        problems.CheckExclusive(balancer, path, "simple", "consistentHash");
        problems.CheckExclusive(balancer, path, "localityLbSetting", "zoneAwareLbSetting");
        CheckHash(balancer.Mapping("consistentHash"), path + ".consistentHash", problems);
        CheckLocality(balancer.Mapping("localityLbSetting"), path + ".localityLbSetting", problems);
        if (balancer.Mapping("warmup") is { } warmup)
        {
            if (!warmup.ContainsKey("duration"))
            {
                problems.Add(path + ".warmup.duration", "a duration is needed.");
            }

            problems.CheckDuration(warmup, path + ".warmup", "duration");
            problems.CheckRange(warmup, path + ".warmup", "minimumPercent", 0, 100);
        }
    }

    private static void CheckHash(YamlMapping? hash, string path, ConfigProblems problems)
    {
        if (hash is null)
        {
            return;
        }

        problems.CheckExclusive(hash, path, "httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName");
        problems.CheckExclusive(hash, path, "minimumRingSize", "ringHash");
        problems.CheckExclusive(hash, path, "minimumRingSize", "maglev");
        if (hash.Mapping("httpCookie") is { } cookie && string.IsNullOrEmpty(cookie.Text("name")))
        {
            problems.Add(path + ".httpCookie.name", "a name is needed.");
        }

        if (hash.Mapping("maglev") is { } maglev)
        {
            _ = ulong.TryParse(maglev.Text("tableSize"), out var size);
            if (size >= MaglevTableMax || !IsPrime(size))
            {
                problems.Add(path + ".maglev.tableSize", $"{size} is no prime number below {MaglevTableMax}.");
            }
        }
    }

    private static void CheckLocality(YamlMapping? locality, string path, ConfigProblems problems)
    {
        if (locality is null)
        {
            return;
        }

        var shares = locality.Items("distribute").ToList();
        var failovers = locality.Items("failover").ToList();
        if (shares.Count > 0 && failovers.Count > 0)
        {
            problems.Add(path + ".failover", "it cannot stand beside 'distribute'.");
        }

        for (var i = 0; i < shares.Count; i++)
        {
            var weights = (shares[i].Mapping("to")?.Entries ?? [])
                .Select(entry => entry.Value is YamlScalar scalar && scalar.TryGetInteger(out var weight) ? (long)weight : 0).ToList();
            if (weights.Any(weight => weight is < 1 or > 100) || weights.Sum() != 100)
            {
                problems.Add($"{path}.distribute[{i}].to", "the weights must be from 1 to 100 and add up to 100.");
            }
        }

        for (var i = 0; i < failovers.Count; i++)
        {
            var (from, to) = (failovers[i].Text("from") ?? "", failovers[i].Text("to") ?? "");
            if (from == to || (from + to).AsSpan().IndexOfAny('/', '*') >= 0)
            {
                problems.Add($"{path}.failover[{i}]", $"'{from}' to '{to}': two different regions are needed, without zones and stars.");
            }
        }
    }

    private static bool IsPrime(ulong number)
    {
        for (ulong factor = 2; factor * factor <= number; factor++)
        {
            if (number % factor == 0)
            {
                return false;
            }
        }

        return number > 0;
    }
}
