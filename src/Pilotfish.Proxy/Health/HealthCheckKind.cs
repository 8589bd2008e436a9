namespace Pilotfish.Proxy.Health;

/// <summary>What a check speaks.</summary>
public enum HealthCheckKind : byte
{
    Http,
    Tcp,

    /// <summary>HTTP over HTTP/2.</summary>
    Http2,
    Grpc,
}
