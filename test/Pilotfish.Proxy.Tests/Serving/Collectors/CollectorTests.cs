using System.Net;
using System.Net.Sockets;
using Envoy.Data.Accesslog.V3;
using Envoy.Service.Accesslog.V3;
using Xunit;

namespace Pilotfish.Proxy.Tests.Serving.Collectors;

/// <summary>A whole data plane logs to gRPC's own server, which may be slow, away, or come back.</summary>
[Collection(LoadCollection.Name)]
public sealed class CollectorTests
{
    private const int Requests = 100_000;

    private const string Als = """
        {name: als, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig,
          additional_request_headers_to_log: [x-mine],
          common_config: {log_name: mine, transport_api_version: V3, buffer_flush_interval: INTERVAL,
            grpc_service: {envoy_grpc: {cluster_name: collector}}}}}
        """;

    private const string TcpAls = """
        {name: als, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig,
          common_config: {log_name: mine, buffer_flush_interval: INTERVAL, grpc_service: {envoy_grpc: {cluster_name: collector}}}}}
        """;

    private const string Otlp = """
        {name: otel, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig,
          log_name: mine, buffer_flush_interval: INTERVAL, grpc_service: {envoy_grpc: {cluster_name: collector}},
          body: {string_value: "%REQ(:METHOD)% %PATH% %RESPONSE_CODE%"},
          attributes: {values: [{key: agent, value: {string_value: "%REQ(USER-AGENT)%"}}]}}}
        """;

    private const string Bootstrap = """
        node: {id: proxy-1, cluster: proxies, locality: {zone: z1}}
        static_resources:
          listeners:
          - name: http
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: h
                  access_log:
                  - LOGGER
                  http_filters:
                  - name: router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
                  route_config:
                    virtual_hosts:
                    - name: v
                      domains: ["*"]
                      routes:
                      - {name: the-route, match: {prefix: /}, direct_response: {status: 200, body: {inline_string: ok}}}
          - name: tcp
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - filters:
              - name: tcp
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                  stat_prefix: t
                  cluster: echo
                  access_log_options: {flush_access_log_on_connected: true, access_log_flush_interval: 0.2s}
                  access_log:
                  - TCPLOGGER
          clusters:
          - name: collector
            connect_timeout: 1s
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config: {http2_protocol_options: {}}
            load_assignment:
              cluster_name: collector
              endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: PORT}}}}]}]
          - name: echo
            connect_timeout: 1s
            load_assignment:
              cluster_name: echo
              endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ECHO}}}}]}]
        """;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Request_IsTold_ToAnAccessLogService()
    {
        await using LogCollector collector = await LogCollector.StartAsync();
        using ServedProxy serve = Serve(Als, collector.Port);
        using HttpClient client = new();
        for (int i = 0; i < 3; i++)
        {
            using HttpRequestMessage request = new(HttpMethod.Get, $"{await UrlAsync(serve)}/a?b={i}");
            request.Headers.Add("x-mine", $"{i}");
            Assert.Equal("ok", await (await client.SendAsync(request, Stop)).Content.ReadAsStringAsync(Stop));
            await collector.UntilAsync(c => c.Records == i + 1);
        }

        StreamAccessLogsMessage[] messages = [.. collector.Messages];
        Assert.Equal(("mine", "proxy-1", "proxies", "z1"), (messages[0].Identifier.LogName, messages[0].Identifier.Node.Id,
            messages[0].Identifier.Node.Cluster, messages[0].Identifier.Node.Locality.Zone));
        Assert.All(messages[1..], static message => Assert.Null(message.Identifier));
        HTTPAccessLogEntry entry = messages[^1].HttpLogs.LogEntry[^1];
        Assert.Equal((200u, "direct_response"), (entry.Response.ResponseCode, entry.Response.ResponseCodeDetails));
        Assert.Equal(("/a?b=2", "2"), (entry.Request.Path, entry.Request.RequestHeaders["x-mine"]));
        Assert.Equal(HTTPAccessLogEntry.Types.HTTPVersion.Http11, entry.ProtocolVersion);
        Assert.Equal(("the-route", AccessLogType.DownstreamEnd), (entry.CommonProperties.RouteName, entry.CommonProperties.AccessLogType));
        Assert.Equal("127.0.0.1", entry.CommonProperties.DownstreamRemoteAddress.SocketAddress.Address);
        Assert.Equal(2UL, entry.Response.ResponseBodyBytes);
        Assert.True(entry.CommonProperties.DownstreamWireBytesReceived > 0);
        Assert.False(entry.CommonProperties.IntermediateLogEntry);
    }

    [Fact]
    public async Task Request_IsExported_ToAnOtlpCollector()
    {
        await using LogCollector collector = await LogCollector.StartAsync();
        using ServedProxy serve = Serve(Otlp, collector.Port);
        using HttpClient client = new();
        client.DefaultRequestHeaders.UserAgent.ParseAdd("tester");
        await client.GetStringAsync($"{await UrlAsync(serve)}/a", Stop);
        await collector.UntilAsync(static c => c.Records == 1);
        Assert.True(collector.Exports.TryPeek(out var export));
        var logs = Assert.Single(export.ResourceLogs);
        Assert.Equal(
            ["log_name=mine", "zone_name=z1", "cluster_name=proxies", "node_name=proxy-1"],
            logs.Resource.Attributes.Select(static a => $"{a.Key}={a.Value.StringValue}"));
        var record = Assert.Single(Assert.Single(logs.ScopeLogs).LogRecords);
        Assert.Equal("GET /a 200", record.Body.StringValue);
        Assert.Equal("tester", Assert.Single(record.Attributes).Value.StringValue);
        await ServedProxy.UntilAsync(() => serve.Counter("access_logs.open_telemetry_access_log.logs_written") == 1);
    }

    [Fact]
    public async Task Connection_IsTold_AtConnect_Periodically_AndAtItsEnd()
    {
        await using LogCollector collector = await LogCollector.StartAsync();
        using var echo = new TcpListener(IPAddress.Loopback, 0);
        echo.Start();
        using ServedProxy serve = Serve(Als, collector.Port, echoPort: ((IPEndPoint)echo.LocalEndpoint).Port);
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(await serve.ListenerAsync("tcp"), Stop);
            using TcpClient server = await echo.AcceptTcpClientAsync(Stop);
            await client.GetStream().WriteAsync("hello"u8.ToArray(), Stop);
            await collector.UntilAsync(static c => c.Messages.Any(static m =>
                m.TcpLogs?.LogEntry.Any(static e => e.CommonProperties.AccessLogType == AccessLogType.TcpPeriodic
                    && e.ConnectionProperties.ReceivedBytes == 5) == true));
        }

        await collector.UntilAsync(static c => c.Messages.Any(static m =>
            m.TcpLogs?.LogEntry.Any(static e => e.CommonProperties.AccessLogType == AccessLogType.TcpConnectionEnd) == true));
        TCPAccessLogEntry[] entries = [.. collector.Messages.SelectMany(static m => m.TcpLogs.LogEntry)];
        Assert.Equal(AccessLogType.TcpUpstreamConnected, entries[0].CommonProperties.AccessLogType);
        Assert.True(entries[0].CommonProperties.IntermediateLogEntry);
        Assert.Equal("echo", entries[0].CommonProperties.UpstreamCluster);
        Assert.False(entries[^1].CommonProperties.IntermediateLogEntry);
        Assert.Equal(5UL, entries[^1].ConnectionProperties.ReceivedBytes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task HundredThousandRequests_AreAllTold_OrCountedAsDropped(bool otlp)
    {
        await using LogCollector collector = await LogCollector.StartAsync();
        using ServedProxy serve = Serve(otlp ? Otlp : Als, collector.Port);
        await serve.LoadAsync(Requests);
        string sink = Sink(otlp);
        await ServedProxy.UntilAsync(() => serve.Counter(sink + "logs_written") + serve.Counter(sink + "logs_dropped") == Requests);
        long written = serve.Counter(sink + "logs_written");
        await collector.UntilAsync(c => c.Records == written);
        Assert.True(written > 0, "Every record was dropped.");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task CollectorThatReadsNothing_HoldsNoRequestUp_AndDropsAreCounted(bool otlp)
    {
        await using LogCollector collector = await LogCollector.StartAsync(stalls: true);
        using ServedProxy serve = Serve(otlp ? Otlp : Als, collector.Port);
        await serve.LoadAsync(Requests / 2);

        // Where the connection came late, the calls under way are as large as what is kept: they alone hold that many records.
        for (int more = 0; more < 3 && serve.Counter(Sink(otlp) + "logs_dropped") <= Requests / 10; more++)
        {
            await serve.LoadAsync(Requests / 2);
        }

        Assert.True(serve.Counter(Sink(otlp) + "logs_dropped") > Requests / 10, "What a collector does not take must be dropped at its bound.");
        Assert.Equal(0, collector.Records);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task CollectorThatWasAway_GetsWhatWasKept_AndAgainAfterARestart(bool otlp)
    {
        // A port that was free a moment ago, with nobody behind it.
        int port;
        await using (LogCollector unused = await LogCollector.StartAsync())
        {
            port = unused.Port;
        }

        using ServedProxy serve = Serve(otlp ? Otlp : Als, port);
        using HttpClient client = new();
        string url = await UrlAsync(serve);
        await client.GetStringAsync(url, Stop);
        await ServedProxy.UntilAsync(() => serve.Counter("cluster.collector.upstream_cx_connect_fail") > 0);
        await using (LogCollector first = await LogCollector.StartAsync(port))
        {
            await first.UntilAsync(static c => c.Records == 1);
        }

        // Sent into a connection that is broken now, or kept until the next: the first may be lost, not those after the failure.
        await client.GetStringAsync(url, Stop);
        await ServedProxy.UntilAsync(() => serve.Gauge("cluster.collector.upstream_cx_active") == 0);
        await client.GetStringAsync(url, Stop);
        await using LogCollector second = await LogCollector.StartAsync(port);
        await second.UntilAsync(static c => c.Records >= 1);
        if (!otlp)
        {
            Assert.Equal("proxy-1", second.Messages.First().Identifier.Node.Id);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task LastRecords_AreSent_BeforeTheProcessEnds(bool otlp)
    {
        await using LogCollector collector = await LogCollector.StartAsync();
        using (ServedProxy serve = Serve(otlp ? Otlp : Als, collector.Port, interval: "3600s"))
        {
            using HttpClient client = new();
            await client.GetStringAsync(await UrlAsync(serve), Stop);
            Assert.Equal(0, collector.Records);
        }

        Assert.Equal(1, collector.Records);
    }

    private static ServedProxy Serve(string logger, int port, string interval = "0.05s", int echoPort = 1) => new(
        Bootstrap.Replace("TCPLOGGER", Flat(TcpAls), StringComparison.Ordinal).Replace("LOGGER", Flat(logger), StringComparison.Ordinal)
            .Replace("INTERVAL", interval, StringComparison.Ordinal).Replace("PORT", $"{port}", StringComparison.Ordinal)
            .Replace("ECHO", $"{echoPort}", StringComparison.Ordinal));

    private static string Flat(string logger) => logger.Replace("\n", " ", StringComparison.Ordinal);

    private static string Sink(bool otlp) => otlp ? "access_logs.open_telemetry_access_log." : "access_logs.grpc_access_log.";

    private static async Task<string> UrlAsync(ServedProxy serve) => $"http://{await serve.ListenerAsync("http")}";
}
