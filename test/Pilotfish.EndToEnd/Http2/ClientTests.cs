using System.Diagnostics;
using System.Net;
using Pilotfish.EndToEnd.Faults;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Http2;

/// <summary>Clients that others wrote speak HTTP/2 to a real process: curl, nghttp, h2load and .NET's own.</summary>
public sealed class ClientTests
{
    private static readonly string s_bootstrap = AnsweringBootstrap.With("hello over two");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Curl_PriorKnowledge_IsAnswered()
    {
        using ServeProcess serve = await ServeProcess.StartAsync(s_bootstrap);
        string output = await RunAsync("curl", "-s", "-i", "--http2-prior-knowledge", await UrlAsync(serve));
        Assert.StartsWith("HTTP/2 200", output);
        Assert.Contains("hello over two", output);
        Assert.Equal(1, await serve.StatAsync("http.h.downstream_cx_http2_total"));
    }

    [Fact]
    public async Task Nghttp_ReadsStatusAndBody()
    {
        using ServeProcess serve = await ServeProcess.StartAsync(s_bootstrap);
        string output = await RunAsync("nghttp", "-v", await UrlAsync(serve));
        Assert.Contains(":status: 200", output);
        Assert.Contains("hello over two", output);
        Assert.DoesNotContain("RST_STREAM", output);
    }

    [Fact]
    public async Task H2load_ManyStreams_AllSucceed()
    {
        using ServeProcess serve = await ServeProcess.StartAsync(s_bootstrap);
        string output = await RunAsync("h2load", "-n", "2000", "-c", "4", "-m", "16", await UrlAsync(serve));
        Assert.Contains("2000 succeeded, 0 failed, 0 errored, 0 timeout", output);
        Assert.Equal(0, await serve.StatAsync("http2.streams_active"));
    }

    [Fact]
    public async Task HttpClient_ConcurrentRequests_ShareAConnection()
    {
        using ServeProcess serve = await ServeProcess.StartAsync(s_bootstrap);
        using var client = new HttpClient
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        string url = await UrlAsync(serve);
        await client.GetStringAsync(url, Stop);
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => client.GetStringAsync(url, Stop)));
        Assert.All(answers, static answer => Assert.Equal("hello over two", answer));
        Assert.Equal(1, await serve.StatAsync("http.h.downstream_cx_http2_total"));
    }

    private static async Task<string> UrlAsync(ServeProcess serve) => $"http://{await serve.ListenerAsync("http")}/";

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        Prerequisite.Program(program);
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync(Stop);
        await process.WaitForExitAsync(Stop);
        return output;
    }
}
