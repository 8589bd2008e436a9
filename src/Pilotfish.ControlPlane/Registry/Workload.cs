namespace Pilotfish.ControlPlane.Registry;

/// <summary>A pod as the mesh sees it.</summary>
public sealed record Workload
{
    public const string TlsModeLabel = "security.istio.io/tlsMode";
    public const string LocalityLabel = "istio-locality";
    public const string NetworkLabel = "topology.istio.io/network";

    public required string Name { get; init; }

    public required string Namespace { get; init; }

    public IReadOnlyList<string> Addresses { get; init; } = [];

    public IReadOnlyDictionary<string, string> Labels { get; init; } = EmptyLabels.Instance;

    public string ServiceAccount { get; init; } = "";

    public string NodeName { get; init; } = "";

    public string HostName { get; init; } = "";

    public string SubDomain { get; init; } = "";

    /// <summary>The controller's name (Deployment, StatefulSet, ...), or the pod's own.</summary>
    public string WorkloadName { get; init; } = "";

    public IReadOnlyDictionary<string, int> ContainerPorts { get; init; } = new Dictionary<string, int>();

    public bool Ready { get; init; }

    public bool Terminating { get; init; }

    /// <summary>Succeeded and failed pods keep their record but carry no traffic.</summary>
    public bool Finished { get; init; }

    public bool HostNetwork { get; init; }

    public string TlsMode => Labels.GetValueOrDefault(TlsModeLabel, "");

    // The label cannot carry slashes, so dots stand for them.
    public string Locality => Labels.GetValueOrDefault(LocalityLabel, "").Replace('.', '/');

    public string Network => Labels.GetValueOrDefault(NetworkLabel, "");
}
