namespace Pilotfish.Agent.Health;

/// <summary>One probe that the injector took out of a container's spec.</summary>
public sealed record AppProbe
{
    public AppProbeKind Kind { get; init; }

    public int Port { get; init; }

    /// <summary>For HTTP; may carry a query.</summary>
    public string Path { get; init; } = "/";

    public bool IsHttps { get; init; }

    /// <summary>For gRPC: the service asked about.</summary>
    public string Service { get; init; } = "";

    /// <summary>Zero: without limit, the kubelet has one of its own.</summary>
    public TimeSpan Timeout { get; init; }
}
