using Istio.Networking.V1Alpha3;

namespace Pilotfish.ControlPlane.Push;

/// <summary>Decides whether a delegate's match steps outside of its root's.</summary>
internal static class VirtualServiceMatchConflict
{
    public static bool Exists(HTTPMatchRequest root, HTTPMatchRequest child)
    {
        if (Conflict(root.Uri, child.Uri) || Conflict(root.Scheme, child.Scheme)
            || Conflict(root.Method, child.Method) || Conflict(root.Authority, child.Authority)
            || Conflict(root.Headers, child.Headers) || Conflict(root.WithoutHeaders, child.WithoutHeaders)
            || Conflict(root.QueryParams, child.QueryParams))
        {
            return true;
        }

        if (root.IgnoreUriCase != child.IgnoreUriCase
            || (root.Port > 0 && child.Port > 0 && root.Port != child.Port)
            || (root.SourceNamespace.Length > 0 && child.SourceNamespace != root.SourceNamespace))
        {
            return true;
        }

        foreach (var (key, value) in child.SourceLabels)
        {
            if (root.SourceLabels.TryGetValue(key, out var own) && own != value)
            {
                return true;
            }
        }

        return GatewaysConflict(root, child);
    }

    private static bool GatewaysConflict(HTTPMatchRequest root, HTTPMatchRequest child)
    {
        if (root.Gateways.Count == 0 || child.Gateways.Count == 0)
        {
            return false;
        }

        foreach (var gateway in child.Gateways)
        {
            if (!root.Gateways.Contains(gateway))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Conflict(IDictionary<string, StringMatch> root, IDictionary<string, StringMatch> child)
    {
        foreach (var (key, match) in child)
        {
            if (root.TryGetValue(key, out var outer) && Conflict(outer, match))
            {
                return true;
            }
        }

        return false;
    }

    // An outer exact admits the same exact only; an outer prefix admits exacts and prefixes below it; regexes admit nothing.
    private static bool Conflict(StringMatch? root, StringMatch? child)
    {
        if (root is null || child is null)
        {
            return false;
        }

        return root.MatchTypeCase switch
        {
            StringMatch.MatchTypeOneofCase.Exact =>
                child.MatchTypeCase != StringMatch.MatchTypeOneofCase.Exact || child.Exact != root.Exact,
            StringMatch.MatchTypeOneofCase.Prefix => child.MatchTypeCase switch
            {
                StringMatch.MatchTypeOneofCase.Prefix => !child.Prefix.StartsWith(root.Prefix, StringComparison.Ordinal),
                StringMatch.MatchTypeOneofCase.Exact => !child.Exact.StartsWith(root.Prefix, StringComparison.Ordinal),
                _ => true,
            },
            _ => true,
        };
    }
}
