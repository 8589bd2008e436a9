using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using RouterMessage = Envoy.Extensions.Filters.Http.Router.V3.Router;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>envoy.filters.http.router.</summary>
public sealed class RouterFactory : IHttpFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["envoy.extensions.filters.http.router.v3.Router"];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context)
    {
        RouterMessage router = config.Parse(RouterMessage.Parser);
        UnheededFields.Check(UnheededFields.OfRouter, router, config.Field, "router", context.Config.Warnings);
        return new RouterModel
        {
            Retries = new RetryRuntime(context.Config.Runtime),
            UpstreamFilters = UpstreamHttpFilters.Compile(router.UpstreamHttpFilters, $"{config.Field}.upstream_http_filters", context.Config),
            KeepsResponseStats = router.DynamicStats ?? true,
            HidesGrpcStatus = router.SuppressGrpcRequestFailureCodeStats,
            SuppressesEnvoyHeaders = router.SuppressEnvoyHeaders,
            RespectsExpectedTimeout = router.RespectExpectedRqTimeout,
            RejectsEarlyConnectData = router.RejectConnectRequestEarlyData ?? false,
            StrictHeaders = StrictHeaders.Compile(router.StrictCheckHeaders, $"{config.Field}.strict_check_headers"),
            UpstreamLogs = context.Config.AccessLogs?.Compile(
                router.UpstreamLog, $"{config.Field}.upstream_log", context.Config) ?? AccessLogSet.Empty,
            LogsUpstreamStreams = router.UpstreamLogOptions?.FlushUpstreamLogOnUpstreamStream ?? false,
            UpstreamLogMilliseconds = AccessLogIntervals.Milliseconds(
                router.UpstreamLogOptions?.UpstreamLogFlushInterval, $"{config.Field}.upstream_log_options.upstream_log_flush_interval"),
        };
    }
}
