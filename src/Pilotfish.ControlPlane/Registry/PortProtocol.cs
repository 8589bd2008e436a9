namespace Pilotfish.ControlPlane.Registry;

/// <summary>Application protocol of a service port, as declared by its name or appProtocol.</summary>
public enum PortProtocol
{
    /// <summary>Nothing usable was declared: the proxy sniffs.</summary>
    Unsupported,
    Tcp,
    Udp,
    Http,
    HttpProxy,
    Http2,
    Grpc,
    GrpcWeb,
    Https,
    Tls,
    Mongo,
    Redis,
    MySql,
}
