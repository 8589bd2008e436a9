using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.Tls;

/// <summary>What transport_socket_matcher looks at: an endpoint, and what the client's side shares.</summary>
internal readonly record struct TransportFacts(HostConfig Host, TransportMatchState? State);
