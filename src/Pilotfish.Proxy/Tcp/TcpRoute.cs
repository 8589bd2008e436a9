using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Tcp;

/// <summary>One cluster that a TCP proxy may choose, with its weight and the metadata it asks of endpoints.</summary>
internal sealed record TcpRoute(ClusterReference Cluster, uint Weight, SubsetMatch? Metadata);
