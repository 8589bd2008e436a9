using System.Globalization;
using System.Net;
using Pilotfish.Api.Failures;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Agent.Health;

/// <summary>Fetches the application's metrics, one answer per target; a target that fails is counted and left out.</summary>
internal sealed class AppMetrics(EventLoop loop) : IDisposable
{
    /// <summary>Istio's bound. An application that exports more would outgrow the sidecar that carries it.</summary>
    public const int BodyBytesMax = 10 * 1024 * 1024;

    public const string TextFormat = "text/plain; version=0.0.4; charset=utf-8";
    private const string OpenMetricsType = "application/openmetrics-text";
    private const string TimeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds";
    private const double TimeoutSecondsMax = 3600;

    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    public long FailureCount { get; private set; }

    public async Task<AppMetricsResult> FetchAsync(ScrapeConfig config, ScrapeRequest request)
    {
        Task<(byte[] Body, string ContentType)?>[] fetches = [.. config.Targets.Select(t => FetchOneAsync(t, request))];
        var bodies = new List<byte[]>();
        string? format = null;
        foreach (Task<(byte[] Body, string ContentType)?> fetch in fetches)
        {
            if (await fetch is not { } answer)
            {
                FailureCount++;
                continue;
            }

            string one = FormatOf(answer.ContentType);
            format = format is null || format == one ? one : TextFormat;
            bodies.Add(answer.Body);
        }

        return new AppMetricsResult(format ?? TextFormat, bodies);
    }

    /// <summary>OpenMetrics ends with a mark that must stand once, after the last target.</summary>
    public static ReadOnlySpan<byte> WithoutEnd(ReadOnlySpan<byte> body)
    {
        ReadOnlySpan<byte> trimmed = body.TrimEnd(" \t\r\n"u8);
        return trimmed.EndsWith("# EOF"u8) ? trimmed[..^5] : body;
    }

    public void Dispose() => _client.Dispose();

    private async Task<(byte[] Body, string ContentType)?> FetchOneAsync(ScrapeTarget target, ScrapeRequest scrape)
    {
        try
        {
            TimeSpan after = double.TryParse(scrape.TimeoutSeconds, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
                && seconds is > 0 and < TimeoutSecondsMax ? TimeSpan.FromSeconds(seconds) : TimeSpan.Zero;
            using var limit = new LoopDeadline(loop, after);
            using var request = new HttpRequestMessage(HttpMethod.Get, target.Url);
            Add(request, "Accept", AcceptHeader.ForApplication(scrape.Accept));
            Add(request, "User-Agent", scrape.UserAgent);
            Add(request, TimeoutHeader, scrape.TimeoutSeconds);
            using HttpResponseMessage response = await _client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                Log.Error(LogComponent.Agent, $"error scraping {target.Url}, status code: {(int)response.StatusCode}");
                return null;
            }

            byte[]? body = await ReadBoundedAsync(response, limit.Token);
            if (body is null)
            {
                Log.Warning(LogComponent.Agent, $"{target.Url} answers with more than {BodyBytesMax} bytes; its metrics are left out");
                return null;
            }

            return (body, response.Content.Headers.ContentType?.ToString() ?? "");
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException or UriFormatException)
        {
            Log.Error(LogComponent.Agent, $"error scraping {target.Url}: {FailureText.Of(e)}");
            return null;
        }
    }

    private static async Task<byte[]?> ReadBoundedAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        const int ReadBytes = 64 * 1024;
        using Stream stream = await response.Content.ReadAsStreamAsync(cancellation);
        using var body = new MemoryStream();
        byte[] buffer = new byte[ReadBytes];
        while (true)
        {
            int read = await stream.ReadAsync(buffer, cancellation);
            if (read == 0)
            {
                return body.ToArray();
            }

            body.Write(buffer, 0, read);
            if (body.Length > BodyBytesMax)
            {
                return null;
            }
        }
    }

    private static void Add(HttpRequestMessage request, string name, string value)
    {
        if (value.Length > 0)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
    }

    private static string FormatOf(string contentType)
    {
        if (!contentType.StartsWith(OpenMetricsType, StringComparison.OrdinalIgnoreCase))
        {
            return TextFormat;
        }

        string version = contentType.Contains("version=1.0.0", StringComparison.Ordinal) ? "1.0.0" : "0.0.1";
        return $"{OpenMetricsType}; version={version}; charset=utf-8";
    }
}
