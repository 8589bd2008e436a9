using Envoy.Config.Core.V3;

namespace Pilotfish.Proxy.Xds;

/// <summary>A control plane behind a static cluster of the bootstrap, as its gRPC service says. Immutable.</summary>
internal sealed class BootstrapControlPlane : IControlPlane
{
    private readonly ControlPlaneCall _call;

    /// <param name="cluster">The static cluster's name.</param>
    /// <param name="service">With authority and initial_metadata; null = neither.</param>
    public BootstrapControlPlane(string cluster, GrpcService? service)
    {
        Name = cluster;
        List<KeyValuePair<string, string>> headers = [];
        foreach (HeaderValue header in service?.InitialMetadata ?? [])
        {
            headers.Add(new(header.Key.ToLowerInvariant(), header.RawValue.IsEmpty ? header.Value : header.RawValue.ToStringUtf8()));
        }

        _call = new ControlPlaneCall
        {
            Authority = service?.EnvoyGrpc?.Authority is { Length: > 0 } authority ? authority : null,
            Headers = headers,
        };
    }

    public string Name { get; }

    public ControlPlaneCall Prepare() => _call;
}
