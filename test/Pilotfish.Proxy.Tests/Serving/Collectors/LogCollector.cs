using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Pilotfish.Testing;
using Xunit;
using Envoy.Service.Accesslog.V3;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Proto.Collector.Logs.V1;

namespace Pilotfish.Proxy.Tests.Serving.Collectors;

/// <summary>An access log service and an OTLP collector on gRPC's own server: what a user's collector is made of.</summary>
internal sealed class LogCollector : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly CancellationTokenSource _stop = new();
    private long _records;

    private LogCollector(Action<KestrelServerOptions> listen)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(listen);
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(this);
        _server = builder.Build();
        _server.MapGrpcService<AccessLogServer>();
        _server.MapGrpcService<LogsServer>();
    }

    /// <summary>Whether calls are accepted and then neither read nor answered. Set before the first call.</summary>
    public bool Stalls { get; set; }

    public IEnumerable<StreamAccessLogsMessage> Messages => NamedMessages.Select(static named => named.Message);

    /// <summary>Each message with the log's name, which only the first of its stream says.</summary>
    public ConcurrentQueue<(string Log, StreamAccessLogsMessage Message)> NamedMessages { get; } = new();

    public ConcurrentQueue<ExportLogsServiceRequest> Exports { get; } = new();

    /// <summary>Records of all messages and exports.</summary>
    public long Records => Interlocked.Read(ref _records);

    public int Port => new Uri(_server.Urls.First()).Port;

    public static Task<LogCollector> StartAsync(int port = 0, bool stalls = false) => StartAsync(
        new LogCollector(options => options.Listen(IPAddress.Loopback, port, static l => l.Protocols = HttpProtocols.Http2)) { Stalls = stalls });

    public static Task<LogCollector> StartAsync(string socketPath) => StartAsync(
        new LogCollector(options => options.ListenUnixSocket(socketPath, static l => l.Protocols = HttpProtocols.Http2)));

    public Task UntilAsync(Func<LogCollector, bool> condition) => UntilAsync(c => Task.FromResult(condition(c)));

    public async Task UntilAsync(Func<LogCollector, Task<bool>> condition)
    {
        long began = Stopwatch.GetTimestamp();
        while (!await condition(this))
        {
            Assert.True(
                Stopwatch.GetElapsedTime(began) < Patience.Limit,
                $"What was waited for did not happen; {Records} records came.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _server.DisposeAsync();
        _stop.Dispose();
    }

    private static async Task<LogCollector> StartAsync(LogCollector collector)
    {
        await collector._server.StartAsync();
        return collector;
    }

    // The server's own stop does not end calls that run.
    private CancellationTokenSource Until(ServerCallContext context) =>
        CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, _stop.Token);

    private sealed class AccessLogServer(LogCollector owner) : AccessLogService.AccessLogServiceBase
    {
        public override async Task<StreamAccessLogsResponse> StreamAccessLogs(
            IAsyncStreamReader<StreamAccessLogsMessage> requestStream, ServerCallContext context)
        {
            using CancellationTokenSource stop = owner.Until(context);
            if (owner.Stalls)
            {
                await Task.Delay(Timeout.Infinite, stop.Token);
            }

            string log = "";
            while (await requestStream.MoveNext(stop.Token))
            {
                StreamAccessLogsMessage message = requestStream.Current;
                log = message.Identifier?.LogName ?? log;
                owner.NamedMessages.Enqueue((log, message));
                Interlocked.Add(ref owner._records, (message.HttpLogs?.LogEntry.Count ?? 0) + (message.TcpLogs?.LogEntry.Count ?? 0));
            }

            return new StreamAccessLogsResponse();
        }
    }

    private sealed class LogsServer(LogCollector owner) : LogsService.LogsServiceBase
    {
        public override async Task<ExportLogsServiceResponse> Export(ExportLogsServiceRequest request, ServerCallContext context)
        {
            using CancellationTokenSource stop = owner.Until(context);
            if (owner.Stalls)
            {
                await Task.Delay(Timeout.Infinite, stop.Token);
            }

            owner.Exports.Enqueue(request);
            Interlocked.Add(ref owner._records, request.ResourceLogs.Sum(static r => r.ScopeLogs.Sum(static s => s.LogRecords.Count)));
            return new ExportLogsServiceResponse();
        }
    }
}
