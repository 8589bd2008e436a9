using System.Diagnostics;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Pilotfish.ControlPlane.Injection.Webhook;
using Pilotfish.ControlPlane.Tests.Injection.Webhook;

namespace Pilotfish.ControlPlane.Tests.Injection.Load;

/// <summary>
/// Rates at which clusters make pods. Bounds are those of a busy shared machine; docs/injection.md has the figures of a
/// quiet one, which the test prints.
/// </summary>
[Collection(LoadCollection.Name)]
public sealed class WebhookLoadTests : IAsyncLifetime
{
    private const int ReviewsPerSecond = 100;
    private const int Seconds = 3;
    private const int AtOnce = 200;

    private static readonly TimeSpan s_percentile99Max = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_burstMax = TimeSpan.FromSeconds(20);

    private static readonly byte[] s_review = Encoding.UTF8.GetBytes(InjectionWebhookTests.Review("v1", """
        {"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"web-5d4f-","labels":{"app":"web"}},
         "spec":{"containers":[{"name":"app","image":"x","ports":[{"containerPort":80}],"readinessProbe":{"httpGet":{"path":"/","port":80}}}]}}
        """));

    private readonly HttpClient _client = new();
    private WebApplication? _app;

    public async ValueTask InitializeAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        var settings = Injecting.Settings();
        _app.MapInjection(new InjectionWebhook(() => settings));
        await _app.StartAsync();
        _client.BaseAddress = new Uri(_app.Urls.Single());
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => ReviewAsync()));
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _app!.DisposeAsync();
    }

    [Fact]
    public async Task Reviews_AtASteadyRate_AreAnsweredInTime()
    {
        var latencies = new List<Task<TimeSpan>>();
        long start = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
        while (latencies.Count < ReviewsPerSecond * Seconds)
        {
            // Open loop: a late answer delays no question, and counts from when its question was due.
            int due = (int)(Stopwatch.GetElapsedTime(start).TotalSeconds * ReviewsPerSecond);
            while (latencies.Count < Math.Min(due, ReviewsPerSecond * Seconds))
            {
                TimeSpan dueAt = TimeSpan.FromSeconds((double)latencies.Count / ReviewsPerSecond);
                latencies.Add(LatencyAsync(start, dueAt));
            }

            await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }

        TimeSpan[] sorted = [.. (await Task.WhenAll(latencies)).Order()];
        TimeSpan percentile99 = sorted[(sorted.Length * 99 / 100) - 1];
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"median {sorted[sorted.Length / 2].TotalMilliseconds:0.0} ms, p99 {percentile99.TotalMilliseconds:0.0} ms");
        Assert.InRange(percentile99, TimeSpan.Zero, s_percentile99Max);
    }

    [Fact]
    public async Task Reviews_AllAtOnce_AreAllAnswered()
    {
        long start = Stopwatch.GetTimestamp();

        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => ReviewAsync()));

        TimeSpan took = Stopwatch.GetElapsedTime(start);
        TestContext.Current.TestOutputHelper!.WriteLine($"{AtOnce} at once: {took.TotalMilliseconds:0} ms");
        Assert.InRange(took, TimeSpan.Zero, s_burstMax);
    }

    private async Task<TimeSpan> LatencyAsync(long start, TimeSpan dueAt)
    {
        await ReviewAsync();
        return Stopwatch.GetElapsedTime(start) - dueAt;
    }

    private async Task ReviewAsync()
    {
        using var content = new ByteArrayContent(s_review);
        content.Headers.Add("Content-Type", "application/json");
        using HttpResponseMessage response = await _client.PostAsync(
            new Uri("/inject", UriKind.Relative), content, TestContext.Current.CancellationToken);
        string answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("\"patchType\":\"JSONPatch\"", answer, StringComparison.Ordinal);
    }
}
