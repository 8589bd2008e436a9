using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.GrpcStats;

/// <summary>The filter in a chain: takes part in gRPC requests only.</summary>
public sealed class GrpcStatsModel : HttpFilterModel
{
    public bool EmitsFilterState { get; init; }

    public bool CountsEveryMethod { get; init; }

    /// <summary>Paths counted by method; null = none by name.</summary>
    public IReadOnlySet<string>? Methods { get; init; }

    public bool MeasuresUpstream { get; init; }

    /// <summary>Dots in service names become underscores in statistic names.</summary>
    public bool ReplacesDots { get; init; }

    /// <remarks>A gRPC-Web request is gRPC by the time it comes here when grpc_web runs before this filter.</remarks>
    public override HttpFilter? Create(HttpStream stream, string name) =>
        stream.IsGrpc || GrpcText.IsGrpcWebRequest(stream.RequestHeaders) ? new GrpcStatsFilter(this) : null;
}
