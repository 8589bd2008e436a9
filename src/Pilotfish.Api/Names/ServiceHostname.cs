using System.Diagnostics.CodeAnalysis;

namespace Pilotfish.Api.Names;

/// <summary>A Kubernetes service's full name: <c>NAME.NAMESPACE.svc.DOMAIN</c>.</summary>
public readonly record struct ServiceHostname(string Name, string Namespace, string Domain)
{
    public const string DefaultDomain = "cluster.local";
    private const string ServiceLabel = "svc";

    public static bool TryParse([NotNullWhen(true)] string? host, out ServiceHostname hostname)
    {
        hostname = default;
        string[] parts = host?.Split('.', 4) ?? [];
        if (parts is not [{ Length: > 0 } name, { Length: > 0 } ns, ServiceLabel, { Length: > 0 } domain])
        {
            return false;
        }

        hostname = new ServiceHostname(name, ns, domain);
        return true;
    }

    /// <summary>
    /// The full name for what a person writes in a host field: a name without a dot is a service of the namespace that the
    /// object is in; anything with a dot is full already. This is Istio's rule, so "reviews.prod" is not expanded.
    /// </summary>
    public static string Resolve(string host, string ns, string domain = DefaultDomain) =>
        host.Contains('.') || host == "*" ? host : new ServiceHostname(host, ns, domain).ToString();

    public override string ToString() => $"{Name}.{Namespace}.{ServiceLabel}.{Domain}";
}
