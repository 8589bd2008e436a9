using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Config;

namespace Pilotfish.ControlPlane.Push;

/// <summary>
/// Replaces the routes of a root VirtualService that delegate by those of the delegates, one level deep. A delegate is a
/// VirtualService without hosts; its matches must narrow the root's.
/// </summary>
internal static class VirtualServiceDelegates
{
    public static VirtualService Merge(
        VirtualService root, ObjectMeta meta, IReadOnlyDictionary<(string Namespace, string Name), VirtualServiceRule> delegates)
    {
        var has = false;
        foreach (var http in root.Http)
        {
            has |= http.Delegate is not null;
        }

        if (!has)
        {
            return root;
        }

        var merged = root.Clone();
        merged.Http.Clear();
        foreach (var http in root.Http)
        {
            if (http.Delegate is null)
            {
                merged.Http.Add(http);
                continue;
            }

            var ns = http.Delegate.Namespace.Length > 0 ? http.Delegate.Namespace : meta.Namespace;
            if (!delegates.TryGetValue((ns, http.Delegate.Name), out var child) || !child.ExportTo.VisibleTo(meta.Namespace))
            {
                continue;
            }

            foreach (var route in child.Spec.Http)
            {
                if (MergeRoute(http, route) is { } result)
                {
                    merged.Http.Add(result);
                }
            }
        }

        return merged;
    }

    private static HTTPRoute? MergeRoute(HTTPRoute root, HTTPRoute child)
    {
        var matches = MergeMatches(root.Match, child.Match);
        if (matches is null)
        {
            return null;
        }

        var route = child.Clone();
        route.Match.Clear();
        route.Match.AddRange(matches);
        route.Name = JoinNames(root.Name, child.Name);
        route.Rewrite ??= root.Rewrite;
        route.DirectResponse ??= root.DirectResponse;
        route.Timeout ??= root.Timeout;
        route.Retries ??= root.Retries;
        route.Fault ??= root.Fault;
        route.Mirror ??= root.Mirror;
        route.MirrorPercent ??= root.MirrorPercent;
        route.MirrorPercentage ??= root.MirrorPercentage;
        route.CorsPolicy ??= root.CorsPolicy;
        route.Headers ??= root.Headers;
        if (route.Mirrors.Count == 0)
        {
            route.Mirrors.AddRange(root.Mirrors);
        }

        return route;
    }

    private static string JoinNames(string root, string child) =>
        child.Length == 0 ? root : root.Length == 0 ? child : $"{root}-{child}";

    private static List<HTTPMatchRequest>? MergeMatches(IList<HTTPMatchRequest> root, IList<HTTPMatchRequest> child)
    {
        if (root.Count == 0)
        {
            return [.. child];
        }

        if (child.Count == 0)
        {
            return [.. root];
        }

        var merged = new List<HTTPMatchRequest>();
        foreach (var inner in child)
        {
            var fits = false;
            foreach (var outer in root)
            {
                if (VirtualServiceMatchConflict.Exists(outer, inner))
                {
                    continue;
                }

                merged.Add(MergeMatch(outer, inner));
                fits = true;
            }

            if (!fits)
            {
                return null;
            }
        }

        return merged;
    }

    private static HTTPMatchRequest MergeMatch(HTTPMatchRequest root, HTTPMatchRequest child)
    {
        var match = child.Clone();
        match.Name = JoinNames(root.Name, child.Name);
        match.Uri ??= root.Uri;
        match.Scheme ??= root.Scheme;
        match.Method ??= root.Method;
        match.Authority ??= root.Authority;
        FillFrom(match.Headers, root.Headers);
        FillFrom(match.WithoutHeaders, root.WithoutHeaders);
        FillFrom(match.QueryParams, root.QueryParams);
        FillFrom(match.SourceLabels, root.SourceLabels);
        match.Port = match.Port == 0 ? root.Port : match.Port;
        match.SourceNamespace = match.SourceNamespace.Length == 0 ? root.SourceNamespace : match.SourceNamespace;
        match.StatPrefix = match.StatPrefix.Length == 0 ? root.StatPrefix : match.StatPrefix;
        if (match.Gateways.Count == 0)
        {
            match.Gateways.AddRange(root.Gateways);
        }

        return match;
    }

    private static void FillFrom<T>(IDictionary<string, T> into, IDictionary<string, T> from)
    {
        foreach (var (key, value) in from)
        {
            if (!into.ContainsKey(key))
            {
                into[key] = value;
            }
        }
    }
}
