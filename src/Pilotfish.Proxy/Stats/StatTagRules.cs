using System.Text;

namespace Pilotfish.Proxy.Stats;

/// <summary>Splits full names into a tag-free name and tags.</summary>
internal sealed class StatTagRules(IReadOnlyList<StatTagRule> rules)
{
    public static StatTagRules None { get; } = new([]);

    /// <summary>Envoy's own tags, in its order, for names that this proxy has. None looks around or back: each can be matched in linear time.</summary>
    public static IReadOnlyList<StatTagRule> Default { get; } =
    [
        StatTagRule.Of("envoy.response_code", @"_rq(_(\d{3}))$", "_rq_"),
        StatTagRule.Of("envoy.response_code_class", @"_rq_((\d))xx$", "_rq_"),
        StatTagRule.Of("envoy.http_user_agent", @"^http(?:\..*?)??\.user_agent\.((.+?)\.)\w+?$", ".user_agent."),
        StatTagRule.Of("envoy.ssl_cipher", @"^(?:listener|cluster)(?:\..*?)??\.ssl\.ciphers(\.(.*?))$", ".ssl.ciphers."),
        StatTagRule.Of("envoy.ssl_version", @"^(?:listener|cluster)(?:\..*?)??\.ssl\.versions(\.(.*?))$", ".ssl.versions."),
        StatTagRule.Of("envoy.ssl_curve", @"^(?:listener|cluster)(?:\..*?)??\.ssl\.curves(\.(.*?))$", ".ssl.curves."),
        StatTagRule.Of("envoy.ssl_sigalg", @"^(?:listener|cluster)(?:\..*?)??\.ssl\.sigalgs(\.(.*?))$", ".ssl.sigalgs."),
        StatTagRule.Of(
            "envoy.tls_certificate", @"^(?:listener|cluster)(?:\..*?)??\.ssl\.certificate\.((.*?)\.)expiration_unix_time_seconds$", ".ssl.certificate."),
        StatTagRule.Of("envoy.grpc_bridge_method", @"^cluster(?:\..*?)??\.grpc(?:\..*)?\.((.*?)\.)(?:total|success|failure)$", ".grpc."),
        StatTagRule.Of("envoy.grpc_bridge_service", @"^cluster(?:\..*?)??\.grpc\.((.*)\.)", ".grpc."),
        StatTagRule.Of("envoy.tcp_prefix", @"^tcp\.((.*?)\.)\w+?$", "tcp."),
        StatTagRule.Of("envoy.udp_prefix", @"^udp\.((.*?)\.)\w+?$", "udp."),
        StatTagRule.Of("envoy.fault_downstream_cluster", @"^http(?:\..*?)??\.fault\.((.*?)\.)(?:aborts_injected|delays_injected)$", ".fault."),
        StatTagRule.Of("envoy.mongo_prefix", @"^mongo\.(.+?)\.(collection|cmd|cx_|op_|delays_|decoding_)(.*?)$", "mongo."),
        StatTagRule.Of("envoy.ratelimit_prefix", @"^ratelimit\.((.*?)\.)\w+?$", "ratelimit."),
        StatTagRule.Of("envoy.virtual_cluster", @"^vhost(?:\..*?)??\.vcluster\.((.*?)\.)\w+?$", ".vcluster."),
        StatTagRule.Of("envoy.route", @"^vhost(?:\..*?)??\.route\.((.*?)\.)\w+?$", ".route."),
        StatTagRule.Of("envoy.virtual_host", @"^vhost\.((.*?)\.)(?:vcluster|route)\.", "vhost."),
        StatTagRule.Of("envoy.rds_route_config", @"^http(?:\..*?)??\.rds\.((.*?)\.)\w+?$", ".rds."),
        StatTagRule.Of("envoy.scoped_rds_config", @"^http(?:\..*?)??\.scoped_rds\.((.*?)\.)\w+?$", ".scoped_rds."),
        StatTagRule.Of("envoy.worker_id", @"^listener_manager\.((worker_\d+)\.)", "listener_manager.worker_"),
        StatTagRule.Of("envoy.worker_id", @"^listener(?:\..*?)??\.(worker_(\d+)\.)", ".worker_"),
        StatTagRule.Of("envoy.http_conn_manager_prefix", @"^listener(?:\..*?)??\.http\.((.*?)\.)", ".http."),
        StatTagRule.Of("envoy.http_conn_manager_prefix", @"^http\.((.*?)\.)", "http."),
        StatTagRule.Of(
            "envoy.listener_address", @"^listener\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)", "listener."),
        StatTagRule.Of(
            "envoy.endpoint_address", @"^cluster(?:\..*?)??\.endpoint\.(([0-9a-f_.\[\]]+)\.)(?:cx_total|cx_connect_fail|cx_active|rq_total|rq_success|rq_error|rq_timeout|rq_active|healthy)$",
            ".endpoint."),
        StatTagRule.Of("envoy.cluster_name", @"^cluster\.((.*?)\.)", "cluster."),
    ];

    /// <summary>The name without its tags, and the tags in the order of the rules.</summary>
    public string Extract(string name, List<StatTag> tags)
    {
        List<(int Start, int Length)>? cuts = null;
        foreach (StatTagRule rule in rules)
        {
            if (rule.FixedValue is { } fixedValue)
            {
                tags.Add(new StatTag(rule.Tag, fixedValue));
            }
            else if (!tags.Exists(tag => tag.Name == rule.Tag)
                && rule.TryFind(name, out string value, out int start, out int length))
            {
                tags.Add(new StatTag(rule.Tag, value));
                (cuts ??= []).Add((start, length));
            }
        }

        return cuts is null ? name : Cut(name, cuts);
    }

    private static string Cut(string name, List<(int Start, int Length)> cuts)
    {
        StringBuilder rest = new(name.Length);
        for (int i = 0; i < name.Length; i++)
        {
            if (!cuts.Exists(cut => i >= cut.Start && i < cut.Start + cut.Length))
            {
                rest.Append(name[i]);
            }
        }

        return rest.ToString();
    }
}
