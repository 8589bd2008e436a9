using System.Globalization;
using Envoy.Config.Metrics.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Names;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>Which statistics exist, and how their names become tags: dashboards depend on each line here.</summary>
internal sealed class StatsSettings(ProxyConfig config, NodeMetadata metadata, bool exitOnZeroActiveConnections)
{
    private const string PodIpVariable = "{pod_ip}";

    // Readiness reads the first three; the rest tell about the control plane and about filters.
    private static readonly string[] s_requiredPrefixes =
        ["cluster_manager", "listener_manager", "server", "cluster.xds-grpc", "wasm"];

    private static readonly string[] s_requiredSuffixes = ["rbac.allowed", "rbac.denied", "shadow_allowed", "shadow_denied"];
    private const string ActiveConnectionsSuffix = "downstream_cx_active";
    private const string VirtualHostStats = @"vhost\..*\.route\..*";

    private static readonly (string Tag, string Regex)[] s_tagsBeforeExtra =
    [
        ("cluster_name", @"^cluster(\.(.+);)"),
        ("http_conn_manager_prefix", @"^http\.(((?:[_.[:digit:]\w]*|[_\[\]aAbBcCdDeEfF[:digit:]\w\:]*));\.)"),
        ("thread_name", @"^server(\.(.+))\.watchdog"),
        ("tcp_prefix", @"^tcp\.((.*?)\.)\w+?$"),
        ("response_code", @"_rq(_(\d{3}))$"),
        ("response_code_class", @"_rq(_(\dxx))$"),
        ("http_conn_manager_listener_prefix", @"^listener(?=\.).*?\.http\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)"),
        ("listener_address", @"^listener\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)"),
        ("mongo_prefix", @"^mongo\.(.+?)\.(collection|cmd|cx_|op_|delays_|decoding_)(.*?)$"),
    ];

    private static readonly (string Tag, string Regex)[] s_tagsAfterExtra =
    [
        ("cache", @"(cache\.(.+?)\.)"),
        ("component", @"(component\.(.+?)\.)"),
        ("tag", @"(tag\.(.+?);\.)"),
        ("wasm_filter", @"(wasm_filter\.(.+?)\.)"),
        ("authz_enforce_result", @"rbac(\.(allowed|denied))"),
        ("authz_dry_run_action", @"(\.istio_dry_run_(allow|deny)_)"),
        ("authz_dry_run_result", @"(\.shadow_(allowed|denied))"),
    ];

    public StatsConfig Build()
    {
        var stats = new StatsConfig { UseAllDefaultTags = false, StatsMatcher = Matcher() };
        AddTags(stats, s_tagsBeforeExtra);
        AddTags(stats, ExtraTags().Select(tag => (tag, $@"({tag}=\.=(.*?);\.;)")));
        AddTags(stats, s_tagsAfterExtra);
        stats.HistogramBucketSettings.AddRange(HistogramBuckets());
        return stats;
    }

    /// <summary>Null where no annotation asks for another interval than Envoy's 5 s.</summary>
    public Duration? FlushInterval() =>
        metadata.Annotations.TryGetValue(IstioAnnotations.SidecarStatsFlushInterval, out string? text)
        && DurationText.TryParseGo(text, out long seconds, out int nanos)
            ? new Duration { Seconds = seconds, Nanos = nanos }
            : null;

    /// <summary>Null unless it is a whole multiple of the flush interval: Envoy refuses any other.</summary>
    public Duration? EvictionInterval()
    {
        if (!metadata.Annotations.TryGetValue(IstioAnnotations.SidecarStatsEvictionInterval, out string? text)
            || !DurationText.TryParseGo(text, out long seconds, out int nanos))
        {
            return null;
        }

        Duration flush = FlushInterval() ?? new Duration { Seconds = 5 };
        Int128 flushNanos = ((Int128)flush.Seconds * 1_000_000_000) + flush.Nanos;
        Int128 evictionNanos = ((Int128)seconds * 1_000_000_000) + nanos;
        return flushNanos != 0 && evictionNanos % flushNanos == 0 ? new Duration { Seconds = seconds } : null;
    }

    private static void AddTags(StatsConfig stats, IEnumerable<(string Tag, string Regex)> tags)
    {
        foreach ((string tag, string regex) in tags)
        {
            stats.StatsTags.Add(new TagSpecifier { TagName = tag, Regex = regex });
        }
    }

    private IEnumerable<string> ExtraTags() =>
        config.ExtraStatTags.Concat(Annotation(IstioAnnotations.SidecarExtraStatTags).Split(','))
            .Where(tag => tag.Length > 0)
            .Distinct();

    private StatsMatcher Matcher()
    {
        ProxyConfig.Types.ProxyStatsMatcher? asked = config.ProxyStatsMatcher;
        string[] suffixes = exitOnZeroActiveConnections ? [.. s_requiredSuffixes, ActiveConnectionsSuffix] : s_requiredSuffixes;
        var patterns = new ListStringMatcher();
        AddPrefixes(patterns, ["reporter="]);
        if (metadata.MetadataDiscovery)
        {
            AddPrefixes(patterns, ["workload_discovery"]);
        }

        AddPrefixes(patterns, Wanted(IstioAnnotations.SidecarStatsInclusionPrefixes, asked?.InclusionPrefixes, s_requiredPrefixes));
        foreach (string suffix in Wanted(IstioAnnotations.SidecarStatsInclusionSuffixes, asked?.InclusionSuffixes, suffixes))
        {
            patterns.Patterns.Add(new StringMatcher { Suffix = suffix });
        }

        foreach (string regex in Wanted(IstioAnnotations.SidecarStatsInclusionRegexps, asked?.InclusionRegexps, [VirtualHostStats]))
        {
            patterns.Patterns.Add(new StringMatcher { SafeRegex = new RegexMatcher { Regex = regex } });
        }

        AddPrefixes(patterns, ["component", "istio"]);
        return new StatsMatcher { InclusionList = patterns };
    }

    private static void AddPrefixes(ListStringMatcher patterns, IEnumerable<string> prefixes)
    {
        foreach (string prefix in prefixes)
        {
            patterns.Patterns.Add(new StringMatcher { Prefix = prefix });
        }
    }

    /// <summary>The annotation wins over ProxyConfig, which counts only without it; what the mesh needs always follows.</summary>
    private IEnumerable<string> Wanted(string annotation, IEnumerable<string>? fromConfig, IEnumerable<string> required)
    {
        string annotated = Annotation(annotation);
        IEnumerable<string> wanted = annotated.Length > 0 ? annotated.Split(',') : fromConfig ?? [];
        foreach (string pattern in wanted.Concat(required))
        {
            if (!pattern.Contains(PodIpVariable, StringComparison.Ordinal))
            {
                yield return pattern;
                continue;
            }

            foreach (string ip in metadata.InstanceIps)
            {
                yield return pattern.Replace(PodIpVariable, ip, StringComparison.Ordinal);
            }
        }
    }

    private IEnumerable<HistogramBucketSettings> HistogramBuckets()
    {
        string json = Annotation(IstioAnnotations.SidecarStatsHistogramBuckets);
        if (json.Length == 0 || YamlDocuments.Parse(json, "annotation").Documents is not [YamlMapping mapping])
        {
            return [];
        }

        return mapping.Entries.OrderBy(e => e.Key, StringComparer.Ordinal).Select(entry =>
        {
            var settings = new HistogramBucketSettings { Match = new StringMatcher { Prefix = entry.Key } };
            foreach (YamlNode item in (entry.Value as YamlSequence)?.Items ?? [])
            {
                if (double.TryParse(item.ToString(), NumberStyles.Float, CultureInfo.InvariantCulture, out double bound))
                {
                    settings.Buckets.Add(bound);
                }
            }

            return settings;
        });
    }

    private string Annotation(string name) => metadata.Annotations.GetValueOrDefault(name, "");
}
