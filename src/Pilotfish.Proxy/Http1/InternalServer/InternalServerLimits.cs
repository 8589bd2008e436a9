namespace Pilotfish.Proxy.Http1.InternalServer;

/// <summary>Bounds of a server for operators, kubelets and scrapers; none of them sends much.</summary>
public sealed record InternalServerLimits
{
    /// <summary>Connections at once; the next one is closed at once. A node's kubelet, Prometheus and a few people need a handful.</summary>
    public int Connections { get; init; } = 256;

    /// <summary>A request's body. Commands of the admin interface carry none or a few lines.</summary>
    public int BodyBytes { get; init; } = 1024 * 1024;

    /// <summary>From the connection or the last response to the end of the next request.</summary>
    public long RequestMilliseconds { get; init; } = 60_000;
}
