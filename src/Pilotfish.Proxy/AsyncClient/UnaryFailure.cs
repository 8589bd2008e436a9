namespace Pilotfish.Proxy.AsyncClient;

/// <summary>A unary call that brought no answer.</summary>
/// <param name="Status">The server's, or the one that a client gives to what went wrong.</param>
/// <param name="Reason">What the server, the connection or the cluster says, without a full stop. From the network: make it printable before it is logged.</param>
/// <param name="TransportFailure">What a broken connection says of its end; null when it says nothing.</param>
public readonly record struct UnaryFailure(GrpcStatusCode Status, string Reason, string? TransportFailure);
