namespace Pilotfish.ControlPlane.Registry;

/// <summary>One address and port that backs a service port, with what clients need to know of the workload behind it.</summary>
public sealed record WorkloadEndpoint
{
    public required IReadOnlyList<string> Addresses { get; init; }

    public required int Port { get; init; }

    /// <summary>Name of the service port that this endpoint backs.</summary>
    public required string ServicePortName { get; init; }

    public required string Namespace { get; init; }

    public string WorkloadName { get; init; } = "";

    public IReadOnlyDictionary<string, string> Labels { get; init; } = EmptyLabels.Instance;

    public string ServiceAccount { get; init; } = "";

    /// <summary>region/zone/subzone, or empty.</summary>
    public string Locality { get; init; } = "";

    public string Network { get; init; } = "";

    public string ClusterId { get; init; } = "";

    public string NodeName { get; init; } = "";

    /// <summary>Pod hostname and subdomain, for names like db-0.db.ns.svc.</summary>
    public string HostName { get; init; } = "";

    public string SubDomain { get; init; } = "";

    public uint Weight { get; init; } = 1;

    public EndpointHealth Health { get; init; } = EndpointHealth.Healthy;

    /// <summary>"istio" when the workload has a sidecar that accepts mutual TLS, else empty.</summary>
    public string TlsMode { get; init; } = "";

    public string FirstAddress => Addresses.Count > 0 ? Addresses[0] : "";
}
