using System.Collections.Concurrent;
using Istio.Mesh.V1Alpha1;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Push;

/// <summary>
/// Everything generators read, at one moment. Immutable but for a cache of scopes, which only saves work.
/// </summary>
public sealed class PushContext
{
    private readonly ConcurrentDictionary<string, EgressScope> _scopes = new(StringComparer.Ordinal);

    private PushContext(PushContextOptions options, MeshConfig mesh, ConfigSnapshot snapshot)
    {
        Options = options;
        Mesh = mesh;
        Snapshot = snapshot;
    }

    public PushContextOptions Options { get; }

    public MeshConfig Mesh { get; }

    public ConfigSnapshot Snapshot { get; }

    public ControlPlaneFeatures Features => Options.Features;

    public ServiceIndex Services { get; private init; } = ServiceIndex.Empty;

    public WorkloadIndex Workloads { get; private init; } = WorkloadIndex.Empty;

    public EndpointIndex Endpoints { get; private init; } = EndpointIndex.Empty;

    public VirtualServiceIndex VirtualServices { get; private init; } = VirtualServiceIndex.Empty;

    public DestinationRuleIndex DestinationRules { get; private init; } = DestinationRuleIndex.Empty;

    public TelemetryIndex Telemetries { get; private init; } = TelemetryIndex.Empty;

    /// <summary>True once workloads get certificates; until then the plaintext shape is generated.</summary>
    public bool IdentityEnabled => Options.IdentityEnabled;

    /// <summary>Builds every index from a snapshot.</summary>
    public static PushContext Create(PushContextOptions options, MeshConfig mesh, ConfigSnapshot snapshot)
    {
        var services = ServiceIndex.Build(snapshot, options.DomainSuffix);
        var workloads = WorkloadIndex.Build(snapshot);
        return new PushContext(options, mesh, snapshot)
        {
            Services = services,
            Workloads = workloads,
            Endpoints = EndpointIndex.Build(new EndpointSources(snapshot, workloads, options.ClusterId), services),
            VirtualServices = VirtualServiceIndex.Build(snapshot, options.DomainSuffix),
            DestinationRules = DestinationRuleIndex.Build(snapshot, options.DomainSuffix, mesh.RootNamespace),
            Telemetries = TelemetryIndex.Build(snapshot),
        };
    }

    /// <summary>The context after some keys changed: indexes that they cannot touch are shared with this one.</summary>
    public PushContext Next(MeshConfig mesh, ConfigSnapshot snapshot, IReadOnlyCollection<ConfigKey> changed)
    {
        var kinds = new HashSet<ConfigKind>(changed.Select(static key => key.Kind));
        var servicesChanged = kinds.Contains(ConfigKind.Service) || kinds.Contains(ConfigKind.ServiceEntry);
        var services = servicesChanged ? ServiceIndex.Build(snapshot, Options.DomainSuffix) : Services;
        var workloads = kinds.Contains(ConfigKind.Pod) ? WorkloadIndex.Build(snapshot) : Workloads;
        var next = new PushContext(Options, mesh, snapshot)
        {
            Services = services,
            Workloads = workloads,
            Endpoints = NextEndpoints(
                snapshot, services, workloads, changed, all: kinds.Contains(ConfigKind.ServiceEntry) || kinds.Contains(ConfigKind.WorkloadEntry)),
            VirtualServices = kinds.Contains(ConfigKind.VirtualService)
                ? VirtualServiceIndex.Build(snapshot, Options.DomainSuffix) : VirtualServices,
            DestinationRules = kinds.Contains(ConfigKind.DestinationRule) || mesh.RootNamespace != Mesh.RootNamespace
                ? DestinationRuleIndex.Build(snapshot, Options.DomainSuffix, mesh.RootNamespace) : DestinationRules,
            Telemetries = kinds.Contains(ConfigKind.Telemetry) ? TelemetryIndex.Build(snapshot) : Telemetries,
        };
        if (ReferenceEquals(services, Services) && ReferenceEquals(next.VirtualServices, VirtualServices))
        {
            foreach (var (ns, scope) in _scopes)
            {
                next._scopes[ns] = scope;
            }
        }

        return next;
    }

    public EgressScope ScopeOf(string ns) =>
        _scopes.GetOrAdd(ns, static (key, self) => new EgressScope(key, self.Services, self.VirtualServices), this);

    private EndpointIndex NextEndpoints(
        ConfigSnapshot snapshot, ServiceIndex services, WorkloadIndex workloads, IReadOnlyCollection<ConfigKey> changed, bool all)
    {
        var sources = new EndpointSources(snapshot, workloads, Options.ClusterId);
        if (all)
        {
            return EndpointIndex.Build(sources, services);
        }

        // A shared hostname is rebuilt from all services that carry it.
        var hostnames = AffectedHostnames(snapshot, services, changed);
        return hostnames.Count == 0 ? Endpoints
            : Endpoints.Rebuild(sources, hostnames, services.All.Where(service => hostnames.Contains(service.Hostname)));
    }

    /// <summary>Hosts whose endpoints the changed services, pods and slices may have altered.</summary>
    private HashSet<string> AffectedHostnames(
        ConfigSnapshot snapshot, ServiceIndex services, IReadOnlyCollection<ConfigKey> changed)
    {
        var hostnames = new HashSet<string>(StringComparer.Ordinal);
        foreach (var key in changed)
        {
            foreach (var item in (ReadOnlySpan<ConfigObject?>)[Snapshot.Find(key), snapshot.Find(key)])
            {
                if (item?.Body is MeshService own)
                {
                    hostnames.Add(own.Hostname);
                }
            }

            if (key.Kind is not (ConfigKind.Pod or ConfigKind.Endpoints or ConfigKind.EndpointSlice))
            {
                continue;
            }

            foreach (var service in services.All)
            {
                if (service.Namespace == key.Namespace
                    && (key.Kind != ConfigKind.Pod || Selects(service, Snapshot.Find(key)) || Selects(service, snapshot.Find(key))))
                {
                    hostnames.Add(service.Hostname);
                }
            }
        }

        return hostnames;
    }

    // A service without selector has endpoints from slices, whose addresses may be pods.
    private static bool Selects(MeshService service, ConfigObject? pod) =>
        pod?.Body is Workload workload && Labels.Contain(workload.Labels, service.Selector);
}
