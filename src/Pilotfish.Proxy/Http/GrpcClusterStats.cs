using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Http;

/// <summary>Statistics of a cluster's gRPC calls, under <c>cluster.NAME.grpc.</c>: looked up once, added to per call. Any worker.</summary>
public sealed class GrpcClusterStats(StatScope scope)
{
    /// <summary>The largest status that gRPC defines.</summary>
    public const int StatusMax = 16;

    // Any worker may fill a slot: the same name gives the same counter.
    private readonly Named?[] _byStatus = new Named?[StatusMax + 1];

    public Counter RequestMessages { get; } = scope.Counter("grpc.request_message_count");

    public Counter ResponseMessages { get; } = scope.Counter("grpc.response_message_count");

    public Counter Success { get; } = scope.Counter("grpc.success");

    public Counter Failure { get; } = scope.Counter("grpc.failure");

    public Counter Total { get; } = scope.Counter("grpc.total");

    public Histogram UpstreamTime => scope.Histogram("grpc.upstream_rq_time");

    public Counter Status(int status) => (_byStatus[status] ??= new Named(scope.Counter($"grpc.{status}"))).Counter;

    // A reference is published whole; a struct with a torn write would not be.
    private sealed record Named(Counter Counter);
}
