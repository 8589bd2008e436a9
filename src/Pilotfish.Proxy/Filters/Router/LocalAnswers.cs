using System.Text;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>What the router answers without an upstream: no route, redirect, direct response, no cluster.</summary>
internal static class LocalAnswers
{
    // A control plane is not asked for longer names that clients make up; its own are at most a few hundred bytes long.
    private const int ClusterNameBytesMax = 1024;

    /// <summary>True when the request is to be forwarded.</summary>
    public static bool Answer(HttpStream stream, out ForwardModel? forward)
    {
        forward = null;
        RouteModel? route = stream.ChooseRoute();
        HcmStats stats = stream.Hcm.Stats;
        if (stream.VirtualHost?.TlsRedirect is { } toTls && !IsHttps(stream) && !(stream.VirtualHost.TlsForExternalOnly && stream.IsInternal))
        {
            Redirect(stream, toTls, route);
            return false;
        }

        if (route is null || route.Act == RouteAct.NonForwarding)
        {
            stream.Worker.Stats.Add(stats.NoRoute);
            stream.Reply(404, [], stream.RouteConfig is null ? EndReasons.NoRouteConfig : EndReasons.NoRoute);
            return false;
        }

        switch (route.Act)
        {
            case RouteAct.Redirect:
                Redirect(stream, route.Redirect!, route);
                return false;
            case RouteAct.DirectResponse:
                Direct(stream, route.DirectResponse!);
                return false;
            default:
                forward = route.Forward;
                return true;
        }
    }

    // A method of its own: its closure would otherwise be allocated by every request that is forwarded.
    private static void Direct(HttpStream stream, DirectResponseModel answer)
    {
        stream.Worker.Stats.Add(stream.Hcm.Stats.RqDirectResponse);
        byte[]? type = null;
        byte[] body = answer.IsFormatted ? answer.Format(stream, out type) : answer.Body;
        byte[]? location = answer.Status is 201 or (>= 300 and < 400) ? RedirectModel.ToItself.Location(stream.RequestHeaders, null) : null;
        stream.Reply(answer.Status, body, EndReasons.DirectResponse, headers =>
        {
            // Before the route's rules, which may say another.
            if (type is not null)
            {
                headers.Set(WellKnownHeader.ContentType, type);
            }

            if (location is not null)
            {
                headers.Set(WellKnownHeader.Location, location);
            }

            ResponseRewrite.Apply(stream);
        });
    }

    /// <summary>The cluster of now; null when there is none, and then the request was answered.</summary>
    public static ClusterState? FindCluster(HttpStream stream, ForwardModel forward)
    {
        ClusterReference? reference = Reference(stream, forward);
        stream.Info.ClusterName = reference?.Name ?? "";
        if (reference?.Current is { } cluster)
        {
            stream.Info.ClusterObservabilityName = cluster.Config.ObservabilityName;
            stream.Info.ClusterMetadata = cluster.Config.Metadata;
            return cluster;
        }

        stream.Info.ClusterObservabilityName = stream.Info.ClusterName;
        stream.Worker.Stats.Add(stream.Hcm.Stats.NoCluster);
        stream.Reply(forward.ClusterNotFoundStatus, [], EndReasons.ClusterNotFound.About(stream.Info.ClusterName));
        return null;
    }

    /// <summary>The answer to a request that the cluster's maintenance mode or policy.drop_overloads drops.</summary>
    public static void Drop(HttpStream stream, EndReason reason, bool marks)
    {
        if (reason.Flags.Has(ResponseFlag.UpstreamOverflow))
        {
            stream.Reply(503, "maintenance mode"u8, reason, marks ? static headers => headers.Set(WellKnownHeader.XEnvoyOverloaded, "true"u8) : null);
            return;
        }

        bool all = reason.Flags.Has(ResponseFlag.UnconditionalDropOverload);
        stream.Reply(503, all ? "unconditional drop overload"u8 : "drop overload"u8, reason, !marks ? null
            : all ? static headers => headers.Set("x-envoy-unconditional-drop-overload"u8, "true"u8)
            : static headers => headers.Set("x-envoy-drop-overload"u8, "true"u8));
    }

    /// <summary>True when a filter removed what a request cannot be sent without, and then it was answered.</summary>
    public static bool Spoilt(HttpStream stream)
    {
        HeaderMap headers = stream.RequestHeaders;
        WellKnownHeader required = !headers.TryGet(WellKnownHeader.Method, out ReadOnlySpan<byte> method) ? WellKnownHeader.Method
            : method.SequenceEqual("CONNECT"u8) ? WellKnownHeader.Authority
            : WellKnownHeader.Path;
        if (headers.Has(required))
        {
            return false;
        }

        string missing = $"missing required header: {WellKnownHeaders.Text(required)}";
        stream.Reply(503, Encoding.ASCII.GetBytes(missing), EndReasons.RequestHeadSpoilt.WithDetails(
            $"{ResponseDetails.FilterRemovedRequiredRequestHeaders}{{{ResponseDetails.Printable(missing)}}}"));
        return true;
    }

    /// <summary>True when a client sends into a tunnel that is not there yet, and then it was answered.</summary>
    public static bool RefusesEarlyData(HttpStream stream, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty || !stream.RequestHeaders[WellKnownHeader.Method].SequenceEqual("CONNECT"u8))
        {
            return false;
        }

        stream.Reply(400, [], EndReasons.EarlyConnectData);
        return true;
    }

    public static ClusterReference? Reference(HttpStream stream, ForwardModel forward)
    {
        WeightedClusterModel? weighted = stream.WeightedCluster;
        if ((weighted is null ? forward.Cluster : weighted.Cluster) is { } named)
        {
            return named;
        }

        if (forward.ClusterSpecifier is { } specifier)
        {
            return specifier.Find(stream.Info);
        }

        byte[]? header = weighted?.ClusterHeader ?? forward.ClusterHeader;
        return header is not null && stream.RequestHeaders.TryGet(header, out ReadOnlySpan<byte> name) && !name.IsEmpty
            ? stream.Hcm.Clusters.Find(name)
            : null;
    }

    /// <summary>The name of a cluster that the request's route leads to and that does not exist (yet); null for none.</summary>
    public static string? MissingCluster(HttpStream stream)
    {
        if (stream.Route?.Forward is not { } forward)
        {
            return null;
        }

        if (Reference(stream, forward) is { } reference)
        {
            return reference.Exists ? null : reference.Name;
        }

        byte[]? header = stream.WeightedCluster?.ClusterHeader ?? forward.ClusterHeader;
        return header is not null && stream.RequestHeaders.TryGet(header, out ReadOnlySpan<byte> name) && name.Length is > 0 and <= ClusterNameBytesMax
            ? Encoding.UTF8.GetString(name)
            : null;
    }

    private static void Redirect(HttpStream stream, RedirectModel redirect, RouteModel? route)
    {
        stream.Worker.Stats.Add(stream.Hcm.Stats.RqRedirect);
        byte[] location = redirect.Location(stream.RequestHeaders, route?.Matcher.Path);
        stream.Reply(redirect.Status, [], EndReasons.Redirect, headers =>
        {
            headers.Set(WellKnownHeader.Location, location);
            ResponseRewrite.Apply(stream);
        });
    }

    private static bool IsHttps(HttpStream stream) => stream.RequestHeaders[WellKnownHeader.XForwardedProto].SequenceEqual("https"u8);
}
