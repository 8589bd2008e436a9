using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>Compiles a RouteConfiguration. Errors name the field. Main loop.</summary>
public sealed class RouteConfigCompiler(CompileContext context)
{
    public RouteConfigModel Compile(RouteConfiguration config)
    {
        if (config.Vhds is not null)
        {
            throw new ConfigRejectedException("vhds", "virtual host discovery is not available in Pilotfish");
        }

        if (config.ClusterSpecifierPlugins.Count > 0)
        {
            throw new ConfigRejectedException("cluster_specifier_plugins", "cluster specifier plugins do not exist in Pilotfish");
        }

        uint bodyMax = config.MaxDirectResponseBodySizeBytes ?? DirectResponseModel.DefaultBodyBytesMax;
        MirrorPolicyModel[] mirrors = MirrorPolicyModel.CompileAll(config.RequestMirrorPolicies, "request_mirror_policies", context);
        var domains = new DomainIndex();
        var hosts = new List<VirtualHostModel>(config.VirtualHosts.Count);
        for (int i = 0; i < config.VirtualHosts.Count; i++)
        {
            string field = $"virtual_hosts[{i}]";
            VirtualHostModel host = CompileHost(config.VirtualHosts[i], bodyMax, mirrors, field);
            hosts.Add(host);
            for (int d = 0; d < config.VirtualHosts[i].Domains.Count; d++)
            {
                domains.Add(config.VirtualHosts[i].Domains[d], host, $"{field}.domains[{d}]");
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

        if (host.Matcher is not null)
        {
            throw new ConfigRejectedException($"{field}.matcher", "matcher trees of virtual hosts are not available in Pilotfish");
        }

        var actions = new RouteActionCompiler(context, host, mirrors);
        var routes = new RouteModel[host.Routes.Count];
        var exact = new string?[routes.Length];
        for (int i = 0; i < routes.Length; i++)
        {
            routes[i] = CompileRoute(host.Routes[i], actions, bodyMax, $"{field}.routes[{i}]");
            RouteMatch match = host.Routes[i].Match;
            bool indexed = match.PathSpecifierCase == RouteMatch.PathSpecifierOneofCase.Path && match.CaseSensitive != false;
            exact[i] = indexed ? match.Path : null;
        }

        return new VirtualHostModel
        {
            Name = host.Name,
            Routes = routes,
            Index = new RouteIndex(routes, exact),
            RequestHeaders = HeaderMutations.Compile(host.RequestHeadersToAdd, host.RequestHeadersToRemove,
                $"{field}.request_headers_to_add", $"{field}.request_headers_to_remove"),
            ResponseHeaders = HeaderMutations.Compile(host.ResponseHeadersToAdd, host.ResponseHeadersToRemove,
                $"{field}.response_headers_to_add", $"{field}.response_headers_to_remove"),
            FilterConfigs = PerRouteConfigs.Compile(host.TypedPerFilterConfig, $"{field}.typed_per_filter_config", context),
            Metadata = Metadata(host.Metadata),
            RequestBufferLimit = (long?)host.RequestBodyBufferLimit ?? host.PerRequestBufferLimitBytes,
            TlsRedirect = host.RequireTls == VirtualHost.Types.TlsRequirementType.None ? null : RedirectModel.ToHttps(),
            TlsForExternalOnly = host.RequireTls == VirtualHost.Types.TlsRequirementType.ExternalOnly,
        };
    }

    private RouteModel CompileRoute(Route route, RouteActionCompiler actions, uint bodyMax, string field)
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
        return new RouteModel
        {
            Name = route.Name,
            Matcher = new RouteMatcher(route.Match, $"{field}.match"),
            Act = act,
            Forward = act == RouteAct.Forward ? actions.Compile(route.Route_, $"{field}.route") : null,
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
            DecoratorOperation = route.Decorator?.Operation ?? "",
            RequestBufferLimit = (long?)route.RequestBodyBufferLimit ?? route.PerRequestBufferLimitBytes,
        };
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
}
