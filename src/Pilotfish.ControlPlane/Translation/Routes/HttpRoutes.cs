using System.Globalization;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Shared;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>Builds the routes of one virtual host, from a VirtualService or without.</summary>
internal static class HttpRoutes
{
    private const string DefaultName = "default";

    /// <summary>Routes of a VirtualService for one listener port; empty when none of its matches concerns this proxy.</summary>
    public static List<Route> ForRule(PushContext push, ProxyView proxy, VirtualServiceRule rule, int listenerPort)
    {
        var routes = new List<Route>(rule.Spec.Http.Count);
        foreach (var http in rule.Spec.Http)
        {
            if (http.Match.Count == 0)
            {
                routes.Add(Build(push, proxy, rule, http, null, listenerPort));
                return routes;
            }

            foreach (var match in http.Match)
            {
                if ((match.Port != 0 && match.Port != listenerPort)
                    || !Destinations.SourceMatches(proxy, match.Gateways, match.SourceLabels, match.SourceNamespace))
                {
                    continue;
                }

                var route = Build(push, proxy, rule, http, match, listenerPort);
                routes.Add(route);
                if (RouteMatches.IsCatchAll(route.Match))
                {
                    return routes;
                }
            }
        }

        return routes;
    }

    /// <summary>The one route of a service that no VirtualService steers.</summary>
    public static Route Default(PushContext push, string cluster, string operation, Istio.Networking.V1Alpha3.DestinationRule? rule, int port)
    {
        var hash = HashPolicies.ForService(rule, port);
        var action = new RouteAction
        {
            Cluster = cluster,
            Timeout = Messages.Zero,
            MaxGrpcTimeout = Messages.Zero,
            RetryPolicy = RetryPolicies.Outbound(push.Mesh.DefaultHttpRetryPolicy, consistentHash: false),
        };
        if (HashPolicies.Convert(hash) is { } policy)
        {
            action.HashPolicy.Add(policy);
        }

        return new Route
        {
            Name = DefaultName,
            Match = RouteMatches.Any(),
            Decorator = new Decorator { Operation = operation },
            Route_ = action,
        };
    }

    public static Route Inbound(string cluster, string operation, bool grpc) => new()
    {
        Name = DefaultName,
        Match = RouteMatches.Any(),
        Decorator = new Decorator { Operation = operation },
        Route_ = new RouteAction
        {
            Cluster = cluster,
            Timeout = Messages.Zero,
            MaxStreamDuration = new RouteAction.Types.MaxStreamDuration
            {
                MaxStreamDuration_ = Messages.Zero,
                GrpcTimeoutHeaderMax = Messages.Zero,
            },
            RetryPolicy = grpc ? null : RetryPolicies.Inbound(),
        },
    };

    private static Route Build(
        PushContext push, ProxyView proxy, VirtualServiceRule rule, HTTPRoute http, HTTPMatchRequest? match, int listenerPort)
    {
        var route = new Route
        {
            Name = match is { Name.Length: > 0 } ? $"{http.Name}.{match.Name}" : http.Name,
            Match = RouteMatches.Build(match),
            Metadata = IstioMetadata.ForConfig(rule.Meta),
            StatPrefix = match?.StatPrefix ?? "",
        };
        var headers = HeaderOperations.Of(http.Headers);
        route.RequestHeadersToAdd.AddRange(headers.RequestToAdd);
        route.RequestHeadersToRemove.AddRange(headers.RequestToRemove);
        route.ResponseHeadersToAdd.AddRange(headers.ResponseToAdd);
        route.ResponseHeadersToRemove.AddRange(headers.ResponseToRemove);
        if (http.Redirect is not null)
        {
            route.Redirect = Redirects.Build(http.Redirect, listenerPort);
        }
        else if (http.DirectResponse is not null)
        {
            route.DirectResponse = DirectResponse(http.DirectResponse);
        }
        else
        {
            RouteActions.Apply(push, proxy, route, http, headers.Authority, listenerPort);
        }

        route.Decorator = new Decorator { Operation = Operation(route, rule.Meta.Name, listenerPort) };
        AddFilterConfigs(route, http);
        return route;
    }

    private static void AddFilterConfigs(Route route, HTTPRoute http)
    {
        if (http.Fault is not null && RoutePolicies.Fault(http.Fault) is { } fault)
        {
            route.TypedPerFilterConfig[ExtensionNames.Fault] = Messages.Pack(fault);
        }

        if (http.CorsPolicy is not null)
        {
            route.TypedPerFilterConfig[ExtensionNames.Cors] = Messages.Pack(RoutePolicies.Cors(http.CorsPolicy));
        }
    }

    private static DirectResponseAction DirectResponse(HTTPDirectResponse given)
    {
        var action = new DirectResponseAction { Status = given.Status };
        switch (given.Body?.SpecifierCase)
        {
            case HTTPBody.SpecifierOneofCase.String:
                action.Body = new DataSource { InlineString = given.Body.String };
                break;
            case HTTPBody.SpecifierOneofCase.Bytes:
                action.Body = new DataSource { InlineBytes = given.Body.Bytes };
                break;
        }

        return action;
    }

    // What a span of this route is called: host, port and path, or the rule's name when the route has no single destination.
    private static string Operation(Route route, string ruleName, int listenerPort)
    {
        var path = route.Match.PathSpecifierCase switch
        {
            RouteMatch.PathSpecifierOneofCase.Prefix => route.Match.Prefix + "*",
            RouteMatch.PathSpecifierOneofCase.Path => route.Match.Path,
            RouteMatch.PathSpecifierOneofCase.SafeRegex => route.Match.SafeRegex.Regex,
            _ => "/*",
        };
        return ClusterNames.TryParseOutbound(route.Route_?.Cluster ?? "", out var port, out _, out var host)
            ? string.Create(CultureInfo.InvariantCulture, $"{host}:{port}{path}")
            : string.Create(CultureInfo.InvariantCulture, $"{ruleName}:{listenerPort}{path}");
    }
}
