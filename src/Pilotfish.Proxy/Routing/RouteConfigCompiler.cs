using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.Cors;
using Pilotfish.Proxy.Filters.RateLimits;
using Pilotfish.Proxy.Routing.Discovery;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>Compiles a RouteConfiguration. Errors name the field. Main loop; one for each compilation.</summary>
public sealed class RouteConfigCompiler(CompileContext context)
{
    private readonly Dictionary<VirtualHost, SharedHost> _hosts = [];
    private ClusterSpecifierTable? _plugins;
    private bool _ignoresPathParameters;
    private bool _validatesClusters;
    private readonly RequestStatScopes _stats = new(context.Stats);
    private string _resource = "";

    /// <summary>Where virtual hosts come from that a configuration leaves to discovery; null where they cannot be discovered.</summary>
    internal DiscoveredHosts? Discovery { get; init; }

    /// <summary>Compiles bytes, one virtual host at a time: thousands of them as messages would need tens of megabytes at once.</summary>
    public RouteConfigModel Compile(ReadOnlyMemory<byte> message) => Compile(RouteConfigurationParts.Read(message));

    /// <summary>The same for a message that was taken apart.</summary>
    internal RouteConfigModel Compile(RouteConfigurationParts parts)
    {
        return Compile(parts.Rest, parts.VirtualHosts.Count, i => VirtualHost.Parser.ParseFrom(parts.VirtualHosts[i].Span));
    }

    public RouteConfigModel Compile(RouteConfiguration config) =>
        Compile(config, config.VirtualHosts.Count, i => config.VirtualHosts[i].Clone());

    private RouteConfigModel Compile(RouteConfiguration config, int hostCount, Func<int, VirtualHost> hostAt)
    {
        try
        {
            return CompileAll(config, hostCount, hostAt);
        }
        catch
        {
            // A refused configuration leaves no names behind.
            _stats.Dispose();
            throw;
        }
    }

    private RouteConfigModel CompileAll(RouteConfiguration config, int hostCount, Func<int, VirtualHost> hostAt)
    {
        if (config.Vhds is not null && Discovery is null)
        {
            throw new ConfigRejectedException(
                "vhds", "virtual hosts are discovered for route configurations that come by RDS or stand in a connection manager, not in a scope");
        }

        _resource = $"route configuration '{config.Name}'";
        _ignoresPathParameters = config.IgnorePathParametersInPathMatching;
        _validatesClusters = config.ValidateClusters == true;
        UnheededFields.Check(UnheededFields.OfRouteConfiguration, config, "", _resource, context.Warnings);
        _plugins = ClusterSpecifierTable.Compile(config.ClusterSpecifierPlugins, "cluster_specifier_plugins", context);
        uint bodyMax = config.MaxDirectResponseBodySizeBytes ?? DirectResponseModel.DefaultBodyBytesMax;
        MirrorPolicyModel[] mirrors = MirrorPolicyModel.CompileAll(config.RequestMirrorPolicies, "request_mirror_policies", _resource, context);
        var domains = new DomainIndex();
        var hosts = new VirtualHostModel[hostCount];
        for (int i = 0; i < hostCount; i++)
        {
            string field = $"virtual_hosts[{i}]";
            VirtualHost message = hostAt(i);
            string[] names = [.. message.Domains];
            hosts[i] = CompileHost(message, bodyMax, mirrors, field);
            for (int d = 0; d < names.Length; d++)
            {
                domains.Add(names[d], hosts[i], $"{field}.domains[{d}]");
            }
        }

        domains.Complete();
        return new RouteConfigModel
        {
            Name = config.Name,
            Domains = domains,
            VirtualHosts = hosts,
            IgnorePort = config.IgnorePortInHostMatching,
            HostHeader = config.VhostHeader.Length == 0 ? null : Encoding.ASCII.GetBytes(config.VhostHeader.ToLowerInvariant()),
            InternalOnlyHeaders = Names(config.InternalOnlyHeaders),
            RequestHeaders = HeaderMutations.Compile(
                config.RequestHeadersToAdd, config.RequestHeadersToRemove, "request_headers_to_add", "request_headers_to_remove"),
            ResponseHeaders = HeaderMutations.Compile(
                config.ResponseHeadersToAdd, config.ResponseHeadersToRemove, "response_headers_to_add", "response_headers_to_remove"),
            MostSpecificWins = config.MostSpecificHeaderMutationsWins,
            FilterConfigs = PerRouteConfigs.Compile(config.TypedPerFilterConfig, "typed_per_filter_config", context),
            Metadata = Metadata(config.Metadata),
            StatScopes = _stats,
            Discovery = config.Vhds is null ? null : Discovery,
        };
    }

    private VirtualHostModel CompileHost(VirtualHost host, uint bodyMax, MirrorPolicyModel[] mirrors, string field)
    {
        if (host.Name.Length == 0)
        {
            throw new ConfigRejectedException($"{field}.name", "the virtual host has no name");
        }

        if (host.Domains.Count == 0)
        {
            throw new ConfigRejectedException($"{field}.domains", $"virtual host '{host.Name}' has no domain");
        }

        if (host.Matcher is not null && host.Routes.Count > 0)
        {
            throw new ConfigRejectedException($"{field}.matcher", "routes are set, too; only one of both may be");
        }

        string name = host.Name;
        Route[] messages = [.. host.Routes];
        host.Name = "";
        host.Domains.Clear();
        host.Routes.Clear();
        global::Xds.Type.Matcher.V3.Matcher? matcher = host.Matcher;
        host.Matcher = null;
        if (!_hosts.TryGetValue(host, out SharedHost? shared))
        {
            UnheededFields.Check(UnheededFields.OfVirtualHost, host, field, _resource, context.Warnings);
            UnheededFields.Check(UnheededFields.OfRetryPolicy, host.RetryPolicy, $"{field}.retry_policy", _resource, context.Warnings);
            shared = new SharedHost(Settings(host, field), new RouteActionCompiler(context, host, mirrors, _plugins!, _resource));
            if (!PerRouteConfigs.KeepState(host.TypedPerFilterConfig, context))
            {
                _hosts.Add(host, shared);
            }
        }

        RequestStats[]? stats = _stats.VirtualClusters(name, shared.Settings.VirtualClusters);
        if (matcher is not null)
        {
            var tree = RouteTree.Compile(matcher, $"{field}.matcher", (route, at) => CompileRoute(route, name, shared, bodyMax, at));
            return new VirtualHostModel(name, tree, shared.Settings, stats);
        }

        var routes = new RouteModel[messages.Length];
        for (int i = 0; i < routes.Length; i++)
        {
            routes[i] = CompileRoute(messages[i], name, shared, bodyMax, $"{field}.routes[{i}]");
        }

        return new VirtualHostModel(name, routes, shared.Settings, stats);
    }

    private VirtualHostSettings Settings(VirtualHost host, string field) => new()
    {
        RequestHeaders = HeaderMutations.Compile(host.RequestHeadersToAdd, host.RequestHeadersToRemove,
            $"{field}.request_headers_to_add", $"{field}.request_headers_to_remove"),
        ResponseHeaders = HeaderMutations.Compile(host.ResponseHeadersToAdd, host.ResponseHeadersToRemove,
            $"{field}.response_headers_to_add", $"{field}.response_headers_to_remove"),
        FilterConfigs = PerRouteConfigs.Compile(host.TypedPerFilterConfig, $"{field}.typed_per_filter_config", context),
        Metadata = Metadata(host.Metadata),
        Cors = CompiledCorsPolicy.Compile(host.Cors, $"{field}.cors", context.Runtime),
        RateLimits = RateLimitRule.CompileAll(host.RateLimits, $"{field}.rate_limits", context),
        VirtualClusters = VirtualClusterModel.CompileAll(host.VirtualClusters, $"{field}.virtual_clusters"),
        RequestBufferLimit = (long?)host.RequestBodyBufferLimit ?? host.PerRequestBufferLimitBytes,
        IgnoresPathParameters = _ignoresPathParameters,
        TlsRedirect = host.RequireTls == VirtualHost.Types.TlsRequirementType.None ? null : RedirectModel.ToHttps(),
        TlsForExternalOnly = host.RequireTls == VirtualHost.Types.TlsRequirementType.ExternalOnly,
    };

    // The message is this compilation's own: what is the route's alone is taken out, the rest finds the settings that others made.
    private RouteModel CompileRoute(Route route, string hostName, SharedHost shared, uint bodyMax, string field)
    {
        ClusterReference? cluster = null;
        if (route.ActionCase == Route.ActionOneofCase.Route_)
        {
            RouteActionCompiler.RejectUnknown(route.Route_, $"{field}.route");
            if (route.Route_.ClusterSpecifierCase == RouteAction.ClusterSpecifierOneofCase.Cluster)
            {
                cluster = context.Clusters.Reference(route.Route_.Cluster);
                CheckCluster(cluster, $"{field}.route.cluster");
                route.Route_.Cluster = "";
            }
        }

        bool decoratesHost = route.Decorator?.Operation.StartsWith(hostName, StringComparison.Ordinal) ?? false;
        if (decoratesHost)
        {
            route.Decorator!.Operation = route.Decorator.Operation[hostName.Length..];
        }

        if (!shared.Routes.TryGetValue(route, out RouteSettings? settings))
        {
            settings = Settings(route, shared.Actions, bodyMax, field);
            if (!KeepsState(route))
            {
                shared.Routes.Add(route, settings);
            }
        }

        ForwardModel? forward = settings.Forward is { } how ? new ForwardModel(cluster, how) : null;
        return new RouteModel(settings, forward, decoratesHost ? hostName : null, _stats.Route(hostName, route.StatPrefix));
    }

    private bool KeepsState(Route route)
    {
        bool keeps = PerRouteConfigs.KeepState(route.TypedPerFilterConfig, context);
        if (route.ActionCase == Route.ActionOneofCase.Route_ && route.Route_.WeightedClusters is { } weighted)
        {
            foreach (WeightedCluster.Types.ClusterWeight cluster in weighted.Clusters)
            {
                keeps |= PerRouteConfigs.KeepState(cluster.TypedPerFilterConfig, context);
            }
        }

        return keeps;
    }

    private RouteSettings Settings(Route route, RouteActionCompiler actions, uint bodyMax, string field)
    {
        if (route.Match is null)
        {
            throw new ConfigRejectedException($"{field}.match", "the route has no match");
        }

        RouteAct act = route.ActionCase switch
        {
            Route.ActionOneofCase.Route_ => RouteAct.Forward,
            Route.ActionOneofCase.Redirect => RouteAct.Redirect,
            Route.ActionOneofCase.DirectResponse => RouteAct.DirectResponse,
            Route.ActionOneofCase.NonForwardingAction => RouteAct.NonForwarding,
            Route.ActionOneofCase.FilterAction => throw new ConfigRejectedException(
                $"{field}.filter_action", "filter actions do not exist in Pilotfish"),
            _ => throw new ConfigRejectedException(field, "the route has no action"),
        };
        UnheededFields.Check(UnheededFields.OfRoute, route, field, _resource, context.Warnings);
        UnheededFields.Check(UnheededFields.OfDirectResponse, route.DirectResponse, $"{field}.direct_response", _resource, context.Warnings);
        UnheededFields.Check(UnheededFields.OfDecorator, route.Decorator, $"{field}.decorator", _resource, context.Warnings);
        CheckWeighted(route, $"{field}.route.weighted_clusters");
        bool isExact = route.Match.PathSpecifierCase == RouteMatch.PathSpecifierOneofCase.Path && route.Match.CaseSensitive != false;
        var matcher = new RouteMatcher(route.Match, $"{field}.match", context.Runtime);
        return new RouteSettings
        {
            Name = route.Name,
            Matcher = matcher,
            ExactPath = isExact ? route.Match.Path : null,
            Act = act,
            Forward = act == RouteAct.Forward ? actions.Compile(route.Route_, matcher.Path, $"{field}.route") : null,
            Redirect = act == RouteAct.Redirect ? RedirectModel.Compile(route.Redirect, $"{field}.redirect") : null,
            DirectResponse = act == RouteAct.DirectResponse
                ? DirectResponseModel.Compile(route.DirectResponse, bodyMax, $"{field}.direct_response")
                : null,
            RequestHeaders = HeaderMutations.Compile(route.RequestHeadersToAdd, route.RequestHeadersToRemove,
                $"{field}.request_headers_to_add", $"{field}.request_headers_to_remove"),
            ResponseHeaders = HeaderMutations.Compile(route.ResponseHeadersToAdd, route.ResponseHeadersToRemove,
                $"{field}.response_headers_to_add", $"{field}.response_headers_to_remove"),
            FilterConfigs = PerRouteConfigs.Compile(route.TypedPerFilterConfig, $"{field}.typed_per_filter_config", context),
            Metadata = Metadata(route.Metadata),
            Decorator = route.Decorator?.Operation ?? "",
            RequestBufferLimit = (long?)route.RequestBodyBufferLimit ?? route.PerRequestBufferLimitBytes,
        };
    }

    private void CheckWeighted(Route route, string field)
    {
        if (route.ActionCase != Route.ActionOneofCase.Route_ || route.Route_.WeightedClusters is not { } weighted)
        {
            return;
        }

        for (int i = 0; i < weighted.Clusters.Count; i++)
        {
            string at = $"{field}.clusters[{i}]";
            UnheededFields.Check(UnheededFields.OfClusterWeight, weighted.Clusters[i], at, _resource, context.Warnings);
            if (weighted.Clusters[i].Name.Length > 0)
            {
                CheckCluster(context.Clusters.Reference(weighted.Clusters[i].Name), $"{at}.name");
            }
        }
    }

    // validate_clusters: whoever asks for it would rather keep the former routes than answer 503.
    private void CheckCluster(ClusterReference cluster, string field)
    {
        if (_validatesClusters && cluster.Current is null)
        {
            throw new ConfigRejectedException(field, $"cluster '{cluster.Name}' does not exist, and validate_clusters is set");
        }
    }

    private static DynamicMetadata? Metadata(Metadata? metadata)
    {
        if (metadata is null || metadata.FilterMetadata.Count == 0)
        {
            return null;
        }

        var compiled = new DynamicMetadata();
        foreach ((string name, Google.Protobuf.WellKnownTypes.Struct fields) in metadata.FilterMetadata)
        {
            compiled.Set(name, MetadataValue.Of(fields));
        }

        return compiled;
    }

    private static byte[][] Names(IList<string> names)
    {
        var compiled = new byte[names.Count][];
        for (int i = 0; i < compiled.Length; i++)
        {
            compiled[i] = Encoding.ASCII.GetBytes(names[i].ToLowerInvariant());
        }

        return compiled;
    }

    /// <summary>Hosts that differ in name, domains and routes only, and the settings of their routes so far.</summary>
    private sealed record SharedHost(VirtualHostSettings Settings, RouteActionCompiler Actions)
    {
        public Dictionary<Route, RouteSettings> Routes { get; } = [];
    }
}
