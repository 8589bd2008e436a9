using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>The compiled router filter.</summary>
public sealed class RouterModel : HttpFilterModel
{
    public override bool IsTerminal => true;

    public bool SuppressesEnvoyHeaders { get; init; }

    public bool RespectsExpectedTimeout { get; init; }

    /// <summary>reject_connect_request_early_data: whether a CONNECT request whose client sends before the answer is refused with 400.</summary>
    public bool RejectsEarlyConnectData { get; init; }

    /// <summary>Headers that must be well-formed, or the request is answered with 400.</summary>
    public WellKnownHeader[] StrictHeaders { get; init; } = [];

    /// <summary>upstream_log: a record of each attempt.</summary>
    public AccessLogSet UpstreamLogs { get; init; } = AccessLogSet.Empty;

    /// <summary>upstream_log_options.flush_upstream_log_on_upstream_stream: another one when an attempt has its connection.</summary>
    public bool LogsUpstreamStreams { get; init; }

    /// <summary>upstream_log_options.upstream_log_flush_interval: how often an attempt under way is logged; 0 = never.</summary>
    public long UpstreamLogMilliseconds { get; init; }

    /// <summary>dynamic_stats: whether responses count by status and origin, and how long they took.</summary>
    public bool KeepsResponseStats { get; init; } = true;

    /// <summary>suppress_grpc_request_failure_code_stats: whether gRPC requests count without the status of their responses.</summary>
    public bool HidesGrpcStatus { get; init; }

    /// <summary>upstream_http_filters, for clusters without their own; null = none but the codec.</summary>
    public UpstreamHttpFilters? UpstreamFilters { get; init; }

    /// <summary>What the runtime says of retries.</summary>
    public RetryRuntime Retries { get; init; } = RetryRuntime.None;

    public override HttpFilter Create(HttpStream stream, string name) => stream.RouterFor(this);
}
