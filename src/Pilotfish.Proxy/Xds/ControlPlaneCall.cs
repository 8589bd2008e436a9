using Envoy.Config.Cluster.V3;

namespace Pilotfish.Proxy.Xds;

/// <summary>What one stream to a control plane is opened with, or why it cannot be.</summary>
public sealed record ControlPlaneCall
{
    /// <summary>Why no stream can be opened now, as a sentence; null when it can.</summary>
    public string? Failure { get; init; }

    /// <summary>Takes the place of the cluster of this name before the call: new roots, another address. Null keeps the bootstrap's.</summary>
    public Cluster? Cluster { get; init; }

    /// <summary>:authority; null = the cluster's name, as Envoy has it.</summary>
    public string? Authority { get; init; }

    /// <summary>Metadata of the call. Names in lower case.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];
}
