using System.Text;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.Cors;
using Pilotfish.Proxy.Filters.RateLimits;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.RuntimeLayers;
using Pilotfish.Proxy.Tunnels;

namespace Pilotfish.Proxy.Routing;

/// <summary>Compiles the forwarding actions of one virtual host's routes; what the host sets applies where a route is silent.</summary>
internal sealed class RouteActionCompiler(
    CompileContext context, VirtualHost host, MirrorPolicyModel[] mirrors, ClusterSpecifierTable plugins, string resource)
{
    /// <summary>Everything but the one cluster that the action may name.</summary>
    public ForwardSettings Compile(RouteAction action, PathMatch matched, string field)
    {
        UnheededFields.Check(UnheededFields.OfRouteAction, action, field, resource, context.Warnings);
        UnheededFields.Check(UnheededFields.OfRetryPolicy, action.RetryPolicy, $"{field}.retry_policy", resource, context.Warnings);
        UnheededFields.Check(UnheededFields.OfWeightedCluster, action.WeightedClusters, $"{field}.weighted_clusters", resource, context.Warnings);
        UnheededFields.Check(UnheededFields.OfHedgePolicy, action.HedgePolicy ?? host.HedgePolicy, $"{field}.hedge_policy", resource, context.Warnings);
        SubsetMatch? subset = SubsetMatch.From(action.MetadataMatch);
        (WeightedClusterModel[] weighted, ulong total) = CompileWeighted(action, subset, $"{field}.weighted_clusters");
        return new ForwardSettings
        {
            ClusterHeader = ClusterHeader(action.ClusterHeader),
            ClusterSpecifier = Specifier(action, field),
            WeightedClusters = weighted,
            TotalWeight = total,
            HasLiveWeights = action.WeightedClusters is { RuntimeKeyPrefix.Length: > 0 },
            WeightHeader = Lower(action.WeightedClusters?.HeaderName ?? ""),
            WeightsUseHashPolicy = action.WeightedClusters?.UseHashPolicy ?? false,
            ClusterNotFoundStatus = action.ClusterNotFoundResponseCode switch
            {
                RouteAction.Types.ClusterNotFoundResponseCode.NotFound => 404,
                RouteAction.Types.ClusterNotFoundResponseCode.InternalServerError => 500,
                _ => 503,
            },
            Subset = subset,
            PathRewrite = PathRewrite.Compile(action, matched, field),
            HostRewrite = Bytes(action.HostRewriteLiteral),
            HostRewriteHeader = Lower(action.HostRewriteHeader),
            HostRewritePathRegex = RegexRewrite.Compile(action.HostRewritePathRegex, $"{field}.host_rewrite_path_regex"),
            HostRewriteFormat = action.HostRewrite.Length == 0
                ? null
                : FormatProgram.Compile(action.HostRewrite, $"{field}.host_rewrite", omitMissing: true),
            AutoHostRewrite = action.AutoHostRewrite ?? false,
            AppendForwardedHost = action.AppendXForwardedHost,
            TimeoutMilliseconds = Durations.Milliseconds(action.Timeout) ?? ForwardModel.DefaultTimeoutMilliseconds,
            FlushTimeoutMilliseconds = Durations.Milliseconds(action.FlushTimeout),
            IdleTimeoutMilliseconds = Durations.Milliseconds(action.IdleTimeout),
            MaxStreamDurationMilliseconds = Durations.Milliseconds(action.MaxStreamDuration?.MaxStreamDuration_),
            GrpcTimeoutMaxMilliseconds = Durations.Milliseconds(action.MaxStreamDuration?.GrpcTimeoutHeaderMax),
            GrpcTimeoutOffsetMilliseconds = Durations.Milliseconds(action.MaxStreamDuration?.GrpcTimeoutHeaderOffset) ?? 0,
            UsesStreamDuration = action.MaxStreamDuration is not null,
            MaxGrpcTimeoutMilliseconds = Durations.Milliseconds(action.MaxGrpcTimeout),
            OlderGrpcTimeoutOffsetMilliseconds = Durations.Milliseconds(action.GrpcTimeoutOffset) ?? 0,
            Retry = action.RetryPolicy is null
                ? RetryPolicyModel.Compile(host.RetryPolicy, "retry_policy")
                : RetryPolicyModel.Compile(action.RetryPolicy, $"{field}.retry_policy"),
            InternalRedirect = InternalRedirectModel.Compile(action, field),
            HedgesOnPerTryTimeout = CompileHedging(action, field),
            Hash = HashPolicyModel.Compile(action.HashPolicy, $"{field}.hash_policy"),
            Mirrors = CompileMirrors(action, field),
            RateLimits = RateLimitRule.CompileAll(action.RateLimits, $"{field}.rate_limits", context),
            IncludesHostRateLimits = action.IncludeVhRateLimits ?? false,
            Priority = (int)action.Priority,
            Upgrades = CompileUpgrades(action, field),
            Cors = CompiledCorsPolicy.Compile(action.Cors, $"{field}.cors", context.Runtime),
            IncludeAttemptCount = host.IncludeRequestAttemptCount,
            IncludeAttemptCountInResponse = host.IncludeAttemptCountInResponse,
            IncludeTimeoutRetryHeader = host.IncludeIsTimeoutRetryHeader,
        };
    }

    private MirrorPolicyModel[] CompileMirrors(RouteAction action, string field)
    {
        if (action.RequestMirrorPolicies.Count > 0)
        {
            return MirrorPolicyModel.CompileAll(action.RequestMirrorPolicies, $"{field}.request_mirror_policies", resource, context);
        }

        return host.RequestMirrorPolicies.Count > 0
            ? MirrorPolicyModel.CompileAll(host.RequestMirrorPolicies, "request_mirror_policies", resource, context)
            : mirrors;
    }

    private (WeightedClusterModel[] Clusters, ulong Total) CompileWeighted(RouteAction action, SubsetMatch? routeSubset, string field)
    {
        if (action.ClusterSpecifierCase != RouteAction.ClusterSpecifierOneofCase.WeightedClusters)
        {
            return ([], 0);
        }

        IList<WeightedCluster.Types.ClusterWeight> clusters = action.WeightedClusters.Clusters;
        var compiled = new WeightedClusterModel[clusters.Count];
        ulong total = 0;
        for (int i = 0; i < compiled.Length; i++)
        {
            WeightedCluster.Types.ClusterWeight cluster = clusters[i];
            string at = $"{field}.clusters[{i}]";
            if (cluster.Name.Length == 0 == (cluster.ClusterHeader.Length == 0))
            {
                throw new ConfigRejectedException(at, "exactly one of name and cluster_header must be set");
            }

            total += cluster.Weight ?? 0;
            compiled[i] = new WeightedClusterModel
            {
                Cluster = cluster.Name.Length > 0 ? context.Clusters.Reference(cluster.Name) : null,
                ClusterHeader = ClusterHeader(cluster.ClusterHeader),
                Weight = cluster.Weight ?? 0,
                WeightKey = WeightKey(action.WeightedClusters.RuntimeKeyPrefix, cluster.Name),
                RequestHeaders = HeaderMutations.Compile(cluster.RequestHeadersToAdd, cluster.RequestHeadersToRemove,
                    $"{at}.request_headers_to_add", $"{at}.request_headers_to_remove"),
                ResponseHeaders = HeaderMutations.Compile(cluster.ResponseHeadersToAdd, cluster.ResponseHeadersToRemove,
                    $"{at}.response_headers_to_add", $"{at}.response_headers_to_remove"),
                Subset = SubsetMatch.Merge(routeSubset, SubsetMatch.From(cluster.MetadataMatch)),
                HostRewrite = Bytes(cluster.HostRewriteLiteral),
                FilterConfigs = PerRouteConfigs.Compile(cluster.TypedPerFilterConfig, $"{at}.typed_per_filter_config", context),
            };
        }

        if (total > uint.MaxValue)
        {
            throw new ConfigRejectedException(field, $"the weights add up to {total}, and {uint.MaxValue} is the most");
        }

        return total > 0 ? (compiled, total) : throw new ConfigRejectedException(field, "the weights add up to 0");
    }

    private RuntimeKey? WeightKey(string prefix, string cluster) => prefix.Length == 0 ? null : context.Runtime.Key($"{prefix}.{cluster}");

    private static UpgradePolicy CompileUpgrades(RouteAction action, string field)
    {
        if (action.UpgradeConfigs.Count == 0)
        {
            return UpgradePolicy.None;
        }

        var entries = new List<(string, bool)>();
        ConnectTermination? connect = null;
        for (int i = 0; i < action.UpgradeConfigs.Count; i++)
        {
            RouteAction.Types.UpgradeConfig upgrade = action.UpgradeConfigs[i];
            entries.Add((upgrade.UpgradeType, upgrade.Enabled ?? true));
            if (upgrade.ConnectConfig is { } config)
            {
                string at = $"{field}.upgrade_configs[{i}].connect_config";
                connect = upgrade.UpgradeType.Equals("CONNECT", StringComparison.OrdinalIgnoreCase)
                    ? ConnectTermination.Compile(config, at)
                    : throw new ConfigRejectedException(at, $"the upgrade is '{upgrade.UpgradeType}'; only CONNECT can end here");
            }
        }

        return UpgradePolicy.Of(entries, connect);
    }

    /// <summary>The route's policy, or the virtual host's; the fields that Envoy does not use are checked as Envoy checks them.</summary>
    private bool CompileHedging(RouteAction action, string field)
    {
        bool isOwn = action.HedgePolicy is not null;
        HedgePolicy? policy = action.HedgePolicy ?? host.HedgePolicy;
        return policy?.InitialRequests is not 0
            ? policy?.HedgeOnPerTryTimeout ?? false
            : throw new ConfigRejectedException(
                (isOwn ? field + "." : "") + "hedge_policy.initial_requests", "it must be at least 1");
    }

    private ClusterSpecifier? Specifier(RouteAction action, string field) => action.ClusterSpecifierCase switch
    {
        RouteAction.ClusterSpecifierOneofCase.ClusterSpecifierPlugin =>
            plugins.Get(action.ClusterSpecifierPlugin, $"{field}.cluster_specifier_plugin"),
        RouteAction.ClusterSpecifierOneofCase.InlineClusterSpecifierPlugin =>
            ClusterSpecifier.Compile(action.InlineClusterSpecifierPlugin, $"{field}.inline_cluster_specifier_plugin", context),
        _ => null,
    };

    /// <summary>Refuses an action that names no destination.</summary>
    public static void RejectUnknown(RouteAction action, string field)
    {
        switch (action.ClusterSpecifierCase)
        {
            case RouteAction.ClusterSpecifierOneofCase.Cluster when action.Cluster.Length > 0:
            case RouteAction.ClusterSpecifierOneofCase.ClusterHeader:
            case RouteAction.ClusterSpecifierOneofCase.WeightedClusters:
            case RouteAction.ClusterSpecifierOneofCase.ClusterSpecifierPlugin:
            case RouteAction.ClusterSpecifierOneofCase.InlineClusterSpecifierPlugin:
                break;
            default:
                throw new ConfigRejectedException(field, "the route names no cluster");
        }
    }

    private byte[]? ClusterHeader(string name)
    {
        if (name.Length > 0)
        {
            context.Clusters.EnableLookup();
        }

        return Lower(name);
    }

    private static byte[]? Bytes(string text) => text.Length == 0 ? null : Encoding.UTF8.GetBytes(text);

    private static byte[]? Lower(string name) => name.Length == 0 ? null : Encoding.ASCII.GetBytes(name.ToLowerInvariant());
}
