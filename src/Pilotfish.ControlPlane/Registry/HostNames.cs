namespace Pilotfish.ControlPlane.Registry;

/// <summary>Rules of host names in mesh configuration: short names, wildcards and their precedence.</summary>
public static class HostNames
{
    public const string DefaultDomainSuffix = "cluster.local";

    public static string OfService(string name, string ns, string domainSuffix) => $"{name}.{ns}.svc.{domainSuffix}";

    public static bool IsWildcard(string host) => host.StartsWith('*');

    /// <summary>
    /// Completes a name without dots to the service of that name in the object's namespace. Names with dots and wildcards
    /// are taken as they are, as Istio does: `reviews.prod` stays what it is.
    /// </summary>
    public static string ResolveShort(string host, string ns, string domainSuffix)
    {
        if (host.Length == 0 || host.Contains('.', StringComparison.Ordinal) || host.Contains('*', StringComparison.Ordinal))
        {
            return host;
        }

        return OfService(host, ns, domainSuffix);
    }

    /// <summary>True when the sets of names that the two hosts stand for intersect.</summary>
    public static bool Match(string left, string right)
    {
        var leftWild = IsWildcard(left);
        var rightWild = IsWildcard(right);
        if (leftWild && rightWild)
        {
            // One wildcard's suffix must end with the other's.
            return left.Length < right.Length
                ? right.EndsWith(left[1..], StringComparison.Ordinal)
                : left.EndsWith(right[1..], StringComparison.Ordinal);
        }

        if (leftWild)
        {
            return right.Length >= left.Length - 1 && right.EndsWith(left[1..], StringComparison.Ordinal);
        }

        if (rightWild)
        {
            return left.Length >= right.Length - 1 && left.EndsWith(right[1..], StringComparison.Ordinal);
        }

        return left == right;
    }

    /// <summary>True when every name that <paramref name="inner"/> stands for is covered by <paramref name="outer"/>.</summary>
    public static bool IsSubsetOf(string inner, string outer)
    {
        if (!IsWildcard(outer))
        {
            return inner == outer;
        }

        return IsWildcard(inner)
            ? inner.Length >= outer.Length && inner.EndsWith(outer[1..], StringComparison.Ordinal)
            : inner.Length >= outer.Length - 1 && inner.EndsWith(outer[1..], StringComparison.Ordinal);
    }
}
