namespace Pilotfish.Proxy.Clusters;

/// <summary>Loop nanoseconds of a connect; the handshake ends where the connect does when the transport has none.</summary>
public readonly record struct ConnectTimes(long Begin, long ConnectEnd, long HandshakeEnd);
