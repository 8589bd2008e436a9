using System.Text;
using Pilotfish.Api.Messages;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Agent.Health;

/// <summary>
/// Port 15020: readiness, the pod's merged metrics, the application's probes, and the two commands that end the proxy.
/// Lives on the main loop.
/// </summary>
public sealed class StatusServer : IDisposable
{
    private readonly StatusServerOptions _options;
    private readonly InternalHttpServer _server;
    private readonly AppProber _prober;
    private readonly AppMetrics _appMetrics;
    private long _scrapeCount;
    private bool _wasReady;

    public StatusServer(EventLoop loop, StatusServerOptions options)
    {
        _options = options;
        _server = new InternalHttpServer(loop, HandleAsync);
        _prober = new AppProber(loop, options.ProbeDestination, options.StatusPort, options.BindProbeSource);
        _appMetrics = new AppMetrics(loop);
    }

    /// <summary>Null when the pod may receive traffic.</summary>
    public string? NotReadyReason => _options.DataPlane.NotReadyReason
        ?? (_options.Dns is { IsReady: false } ? "DNS lookup table is not ready yet" : null);

    public IoError Listen(NetAddress address, out NetAddress bound) => _server.Listen(address, out bound);

    public void Dispose()
    {
        _server.Close();
        _prober.Dispose();
        _appMetrics.Dispose();
    }

    private ValueTask HandleAsync(InternalRequest request, InternalResponse response)
    {
        switch (request.Path)
        {
            case "/healthz/ready":
                AnswerReady(response);
                return default;
            case "/stats/prometheus" or "/metrics":
                return AnswerMetricsAsync(request, response);
            case "/quitquitquit":
                AnswerCommand(request, response, _options.Quit);
                return default;
            case "/drain":
                AnswerCommand(request, response, _options.Drain);
                return default;
            case "/debug/ndsz":
                AnswerNameTable(request, response);
                return default;
        }

        if (request.Path.StartsWith("/app-health/", StringComparison.Ordinal)
            || request.Path.StartsWith("/app-lifecycle/", StringComparison.Ordinal))
        {
            return AnswerProbeAsync(request, response);
        }

        Refuse(response, 404, "404 page not found");
        return default;
    }

    private void AnswerReady(InternalResponse response)
    {
        string? reason = NotReadyReason;
        if (reason is null != _wasReady)
        {
            _wasReady = reason is null;
            Log.Info(LogComponent.Agent, $"{(reason is null ? "Envoy proxy is ready" : $"Envoy proxy is NOT ready: {reason}")}");
        }

        if (reason is not null)
        {
            Refuse(response, 503, reason);
        }
    }

    private static void AnswerCommand(InternalRequest request, InternalResponse response, Action command)
    {
        if (!IsLocal(request, response))
        {
            return;
        }

        if (request.Method != "POST")
        {
            Refuse(response, 405, "Method Not Allowed");
            return;
        }

        response.Write("OK");
        Log.Info(LogComponent.Agent, $"handling {request.Path}");
        command();
    }

    private void AnswerNameTable(InternalRequest request, InternalResponse response)
    {
        if (IsLocal(request, response))
        {
            response.ContentType = "application/json";
            response.Write(_options.Dns?.Table is { } table ? JsonPrinter.Print(table, JsonPrintOptions.Readable) : "{}");
            response.Write("\n");
        }
    }

    private async ValueTask AnswerProbeAsync(InternalRequest request, InternalResponse response)
    {
        if (!_options.Probes.TryGetValue(request.Path, out AppProbe? probe))
        {
            Refuse(response, 400, $"app prober config does not exists for {request.Path}");
            return;
        }

        string host = Header(request, WellKnownHeader.Authority);
        host = host.Length > 0 ? host : Header(request, WellKnownHeader.Host);
        ProbeResult result = await _prober.RunAsync(probe, host, Headers(request));
        response.Status = (int)result.Status;
        response.Write(result.Body);
        Log.Debug(LogComponent.Agent, $"{request.Path} answers {(int)result.Status}");
    }

    /// <summary>Agent, then proxy, then application: what the application sends may be broken and must not hide the rest.</summary>
    private async ValueTask AnswerMetricsAsync(InternalRequest request, InternalResponse response)
    {
        if (_options.MetricsFromLocalhostOnly && !IsLocal(request, response))
        {
            return;
        }

        _scrapeCount++;
        AppMetricsResult? app = null;
        if (_options.Scrape is { } scrape)
        {
            var asked = new ScrapeRequest(
                Header(request, "accept"u8), Header(request, "user-agent"u8), Header(request, "x-prometheus-scrape-timeout-seconds"u8));
            app = await _appMetrics.FetchAsync(scrape, asked);
        }

        response.ContentType = app?.ContentType ?? AppMetrics.TextFormat;
        AgentMetrics.Write(response.Body, _scrapeCount, _appMetrics.FailureCount, _options.Dns);
        _options.WriteSecretMetrics?.Invoke(response.Body);
        if (_options.MergeProxyMetrics)
        {
            _options.DataPlane.WritePrometheus(response.Body, request.QueryText);
        }

        foreach (byte[] body in app?.Bodies ?? [])
        {
            await response.FlushAsync();
            WriteAppMetrics(response, body);
        }

        if (app is { IsOpenMetrics: true })
        {
            response.Write("# EOF\n");
        }
    }

    private static void WriteAppMetrics(InternalResponse response, byte[] body)
    {
        ReadOnlySpan<byte> metrics = AppMetrics.WithoutEnd(body);
        response.Write(metrics);
        if (metrics.Length > 0 && metrics[^1] != '\n')
        {
            response.Write("\n");
        }
    }

    private static bool IsLocal(InternalRequest request, InternalResponse response)
    {
        if (request.RemoteAddress.Unmap().IsLoopback)
        {
            return true;
        }

        Refuse(response, 403, "Only requests from localhost are allowed");
        return false;
    }

    private static void Refuse(InternalResponse response, int status, string reason)
    {
        response.Status = status;
        response.Write(reason + "\n");
    }

    private static string Header(InternalRequest request, WellKnownHeader name) => request.Headers.GetText(name) ?? "";

    private static string Header(InternalRequest request, ReadOnlySpan<byte> name) =>
        request.Headers.TryGet(name, out ReadOnlySpan<byte> value) ? Encoding.Latin1.GetString(value) : "";

    private static List<KeyValuePair<string, string>> Headers(InternalRequest request)
    {
        var headers = new List<KeyValuePair<string, string>>();
        for (int slot = 0; slot < request.Headers.SlotCount; slot++)
        {
            if (request.Headers.IsLive(slot))
            {
                HeaderEntry entry = request.Headers.At(slot);
                headers.Add(new KeyValuePair<string, string>(
                    Encoding.Latin1.GetString(entry.Name), Encoding.Latin1.GetString(entry.Value)));
            }
        }

        return headers;
    }
}
