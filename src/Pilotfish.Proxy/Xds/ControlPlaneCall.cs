using System.Text;
using Envoy.Config.Cluster.V3;
using Pilotfish.Proxy.Http;

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

    internal HeaderMap Metadata()
    {
        HeaderMap metadata = new();
        foreach ((string name, string value) in Headers)
        {
            metadata.Add(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));
        }

        return metadata;
    }
}
