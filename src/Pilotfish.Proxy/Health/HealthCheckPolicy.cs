using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Health;

/// <summary>A cluster's active health check after compiling. Times are milliseconds. Immutable.</summary>
public sealed record HealthCheckPolicy
{
    public const long DefaultNoTrafficMilliseconds = 60_000;

    /// <summary>Envoy's response_buffer_size: as much of a body as a payload is looked for in.</summary>
    public const int DefaultResponseBytes = 1024;

    public required HealthCheckKind Kind { get; init; }

    public required long TimeoutMilliseconds { get; init; }

    public required long IntervalMilliseconds { get; init; }

    public required uint UnhealthyThreshold { get; init; }

    public required uint HealthyThreshold { get; init; }

    /// <summary>Spreads the first checks of hosts that come together.</summary>
    public long InitialJitterMilliseconds { get; init; }

    public long IntervalJitterMilliseconds { get; init; }

    public uint IntervalJitterPercent { get; init; }

    /// <summary>Instead of the interval while the cluster was never used.</summary>
    public long NoTrafficMilliseconds { get; init; } = DefaultNoTrafficMilliseconds;

    public long NoTrafficHealthyMilliseconds { get; init; } = DefaultNoTrafficMilliseconds;

    /// <summary>Of hosts that are down.</summary>
    public required long UnhealthyMilliseconds { get; init; }

    /// <summary>Of hosts that failed a check and are not down yet.</summary>
    public required long UnhealthyEdgeMilliseconds { get; init; }

    /// <summary>Of hosts that passed a check and are not up yet.</summary>
    public required long HealthyEdgeMilliseconds { get; init; }

    public bool ReusesConnection { get; init; } = true;

    /// <summary>The port of all hosts' checks; 0 means the host's own.</summary>
    public ushort Port { get; init; }

    /// <summary>ALPN names joined by commas; null for the cluster's.</summary>
    public string? ApplicationProtocols { get; init; }

    /// <summary>What a TCP check sends, or the body of an HTTP one.</summary>
    public ReadOnlyMemory<byte> Sent { get; init; }

    /// <summary>What must come back, each part behind the one before; gaps between them are passed over.</summary>
    public IReadOnlyList<byte[]> Expected { get; init; } = [];

    /// <summary>What a gRPC check asks for; empty = the server as a whole.</summary>
    public string ServiceText { get; init; } = "";

    // HTTP and gRPC.
    public string Method { get; init; } = "GET";

    public string Path { get; init; } = "/";

    /// <summary>Empty for the cluster's name.</summary>
    public string Host { get; init; } = "";

    /// <summary>Compiled request_headers_to_add and _to_remove.</summary>
    public HeaderMutations? Headers { get; init; }

    /// <summary>Statuses that mean healthy, each from..below.</summary>
    public IReadOnlyList<(int From, int Below)> ExpectedStatuses { get; init; } = [(200, 201)];

    /// <summary>Statuses that count towards the threshold; every other unexpected one takes the host down at once.</summary>
    public IReadOnlyList<(int From, int Below)> RetriableStatuses { get; init; } = [];

    /// <summary>x-envoy-upstream-healthchecked-cluster must match it.</summary>
    public StringMatch? ServiceName { get; init; }

    /// <summary>`health_check.verify_cluster`: of how many percent of the checks; all without a value.</summary>
    public RuntimeKey? VerifyKey { get; init; }

    public int ResponseBytes { get; init; } = DefaultResponseBytes;
}
