namespace Pilotfish.Proxy.AsyncClient;

/// <summary>How a gRPC call is made (GrpcService of a filter's config). Immutable; any thread.</summary>
internal sealed record AsyncGrpcOptions
{
    /// <summary>gRPC's own default for received messages, so that servers are used to it.</summary>
    public const int DefaultMessageBytesMax = 4 * 1024 * 1024;

    public static AsyncGrpcOptions Default { get; } = new();

    /// <summary>:authority; null = the cluster's name, as Envoy has it (envoy_grpc.authority).</summary>
    public string? Authority { get; init; }

    /// <summary>Bound of the whole call, also told the server as grpc-timeout; 0 = none.</summary>
    public long DeadlineMilliseconds { get; init; }

    /// <summary>Which host answers.</summary>
    public AsyncTarget Target { get; init; } = AsyncTarget.Any;

    /// <summary>Bound of one message, sent or received.</summary>
    public int MessageBytesMax { get; init; } = DefaultMessageBytesMax;
}
