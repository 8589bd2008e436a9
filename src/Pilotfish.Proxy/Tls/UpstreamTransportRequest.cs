using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.Tls;

/// <summary>Whose connection a transport secures, and what the downstream side changes about it.</summary>
public readonly record struct UpstreamTransportRequest(WorkerCluster Cluster, Host Host, UpstreamTransportOverrides? Overrides);
