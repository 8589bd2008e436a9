using System.Diagnostics;
using Pilotfish.Api.Failures;

namespace Pilotfish.Agent.Commands;

/// <summary><c>wait</c>: holds a container's start until the proxy serves; exit 0 when it does, 255 after the time.</summary>
internal static class WaitCommand
{
    private const string TimeoutFlag = "timeoutSeconds";
    private const string RequestTimeoutFlag = "requestTimeoutMillis";
    private const string PeriodFlag = "periodMillis";
    private const string UrlFlag = "url";

    public static string? Run(IReadOnlyList<string> args, TextWriter output)
    {
        FlagSet flags = new FlagSet()
            .Number(TimeoutFlag, 60)
            .Number(RequestTimeoutFlag, 500)
            .Number(PeriodFlag, 500)
            .Text(UrlFlag, "http://localhost:15021/healthz/ready");
        if (flags.Parse(args, tolerateUnknown: true) is { } problem)
        {
            return problem;
        }

        if (!flags.TryGetNumber(TimeoutFlag, out int timeout, out string wrong)
            || !flags.TryGetNumber(RequestTimeoutFlag, out int requestTimeout, out wrong)
            || !flags.TryGetNumber(PeriodFlag, out int period, out wrong))
        {
            return wrong;
        }

        output.WriteLine($"Waiting for Envoy proxy to be ready (timeout: {timeout} seconds)...");
        return WaitAsync(
            flags.GetText(UrlFlag),
            TimeSpan.FromSeconds(timeout),
            TimeSpan.FromMilliseconds(Math.Max(requestTimeout, 1)),
            TimeSpan.FromMilliseconds(Math.Max(period, 1)),
            output).GetAwaiter().GetResult();
    }

    private static async Task<string?> WaitAsync(
        string url, TimeSpan timeout, TimeSpan requestTimeout, TimeSpan period, TextWriter output)
    {
        using var client = new HttpClient { Timeout = requestTimeout };
        string last = "no attempt was made";
        long start = Stopwatch.GetTimestamp();
        using var ticks = new PeriodicTimer(period);
        while (Stopwatch.GetElapsedTime(start) < timeout && await ticks.WaitForNextTickAsync())
        {
            try
            {
                using HttpResponseMessage response = await client.GetAsync(url);
                if (response.StatusCode == System.Net.HttpStatusCode.OK)
                {
                    output.WriteLine("Envoy is ready!");
                    return null;
                }

                last = $"HTTP status code {(int)response.StatusCode}";
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                last = FailureText.Of(e);
            }
            catch (Exception e) when (e is InvalidOperationException or UriFormatException or NotSupportedException)
            {
                return $"the url '{url}' cannot be used: it is no absolute http or https URL";
            }
        }

        return $"timeout waiting for Envoy proxy to become ready. Last error: {last}";
    }
}
