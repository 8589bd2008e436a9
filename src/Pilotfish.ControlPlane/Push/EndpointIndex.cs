using System.Collections.Immutable;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Push;

/// <summary>Endpoints per service hostname. A change to a pod rebuilds the services that select it and shares all others.</summary>
public sealed class EndpointIndex
{
    public static readonly EndpointIndex Empty = new(ImmutableDictionary<string, ServiceEndpoints>.Empty);

    private readonly ImmutableDictionary<string, ServiceEndpoints> _byHostname;

    private EndpointIndex(ImmutableDictionary<string, ServiceEndpoints> byHostname) => _byHostname = byHostname;

    public ServiceEndpoints Of(string hostname) => _byHostname.GetValueOrDefault(hostname, ServiceEndpoints.None);

    /// <summary>Builds all services anew.</summary>
    internal static EndpointIndex Build(EndpointSources sources, ServiceIndex services)
    {
        var builder = ImmutableDictionary.CreateBuilder<string, ServiceEndpoints>(StringComparer.Ordinal);
        foreach (var service in services.All)
        {
            Merge(builder, service.Hostname, sources.Collect(service));
        }

        return new EndpointIndex(builder.ToImmutable());
    }

    /// <summary>The index after the endpoints of some hosts may have changed; <paramref name="affected"/> are all services that carry one.</summary>
    internal EndpointIndex Rebuild(EndpointSources sources, IReadOnlyCollection<string> hostnames, IEnumerable<MeshService> affected)
    {
        var builder = _byHostname.ToBuilder();
        builder.RemoveRange(hostnames);
        foreach (var service in affected)
        {
            Merge(builder, service.Hostname, sources.Collect(service));
        }

        return new EndpointIndex(builder.ToImmutable());
    }

    // A Kubernetes Service and a ServiceEntry may share a hostname; their endpoints add up.
    private static void Merge(
        ImmutableDictionary<string, ServiceEndpoints>.Builder into, string hostname, List<WorkloadEndpoint> endpoints)
    {
        if (into.TryGetValue(hostname, out var present) && present.All.Count > 0)
        {
            endpoints.InsertRange(0, present.All);
        }

        into[hostname] = new ServiceEndpoints(endpoints);
    }
}
