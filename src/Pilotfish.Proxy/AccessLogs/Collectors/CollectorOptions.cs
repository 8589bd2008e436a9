using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>How records reach one collector. Immutable; any thread.</summary>
internal sealed record CollectorOptions
{
    /// <summary>common_config.buffer_flush_interval when config says none.</summary>
    public const long DefaultFlushMilliseconds = 1000;

    /// <summary>common_config.buffer_size_bytes when config says none.</summary>
    public const int DefaultBatchBytes = 16 * 1024;

    /// <summary>A message stays below the 4 MiB that gRPC servers accept by default, whatever config asks for.</summary>
    public const int BatchBytesMax = 3 * 1024 * 1024;

    /// <summary>
    /// What a worker keeps for a collector that does not take it, at least: some seconds of a busy worker's records, about as long as
    /// a collector's restart. What comes on top is dropped and counted.
    /// </summary>
    public const int PendingBytesMin = 1024 * 1024;

    /// <summary>First wait before a failed collector is called again, when grpc_stream_retry_policy says none; it doubles up to the cap.</summary>
    public const long DefaultRetryBaseMilliseconds = 500;

    /// <summary>A call in five seconds costs a dead collector nothing, and the wait after its return stays short.</summary>
    public const long DefaultRetryCapMilliseconds = 5000;

    public required ClusterReference Cluster { get; init; }

    public required AsyncGrpcOptions Grpc { get; init; }

    /// <summary>Headers of each call (grpc_service.initial_metadata); null for none.</summary>
    public HeaderMap? Metadata { get; init; }

    /// <summary>A record waits no longer for its batch.</summary>
    public long FlushMilliseconds { get; init; } = DefaultFlushMilliseconds;

    /// <summary>A batch that reached this is sent at once; 0 sends each record by itself.</summary>
    public int BatchBytes { get; init; } = DefaultBatchBytes;

    public long RetryBaseMilliseconds { get; init; } = DefaultRetryBaseMilliseconds;

    public long RetryCapMilliseconds { get; init; } = DefaultRetryCapMilliseconds;

    /// <summary>Beyond this a worker drops records.</summary>
    public int PendingBytesMax => Math.Max(PendingBytesMin, BatchBytes);
}
