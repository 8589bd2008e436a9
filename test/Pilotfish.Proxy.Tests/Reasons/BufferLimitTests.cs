using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>
/// Bodies that a filter or a retry holds: up to per_connection_buffer_limit_bytes before their last byte, and what is answered beyond it,
/// which does not wait for that byte.
/// </summary>
public sealed class BufferLimitTests
{
    private const int Limit = 1000;
    private const int Default = 1024 * 1024;

    [Theory]
    [InlineData("HTTP/1.1", Limit, true)]
    [InlineData("HTTP/1.1", Limit + 1, false)]
    [InlineData("HTTP/1.1", Default, true)]
    [InlineData("HTTP/1.1", Default + 1, false)]
    [InlineData("HTTP/2", Limit, true)]
    [InlineData("HTTP/2", Limit + 1, false)]
    [InlineData("gRPC", Limit, true)]
    [InlineData("gRPC", Limit + 1, false)]
    public void Request_HeldByAFilter_Is413BeyondTheLimit(string form, int bytes, bool passes) => Run(async bench =>
    {
        Serves(bench, "hold requests", bytes > 2 * Limit ? null : Limit);
        (string status, string body, string? message) = await AskAsync(bench, form, bytes, whole: passes);
        Assert.Equal(passes ? "200" : form == "gRPC" ? "200" : "413", status);
        Assert.Equal(passes ? "ok" : form == "gRPC" ? "" : "Payload Too Large", body);
        Assert.Equal(passes || form != "gRPC" ? null : "2 Payload Too Large", message);
        await CheckRecordAsync(bench, passes ? "200 - via_upstream" : $"{status} - request_payload_too_large");
        Assert.Equal(passes ? 0 : 1, bench.Fixture.Counter("http.h.downstream_rq_too_large"));
    });

    [Theory]
    [InlineData("HTTP/1.1", Limit, true)]
    [InlineData("HTTP/1.1", Limit + 1, false)]
    [InlineData("HTTP/1.1", Default, true)]
    [InlineData("HTTP/1.1", Default + 1, false)]
    [InlineData("HTTP/2", Limit, true)]
    [InlineData("HTTP/2", Limit + 1, false)]
    [InlineData("gRPC", Limit + 1, false)]
    public void Response_HeldByAFilter_Is500BeyondTheLimit(string form, int bytes, bool passes) => Run(async bench =>
    {
        Serves(bench, "hold responses", bytes > 2 * Limit ? null : Limit, new string('r', bytes), whole: passes);
        (string status, string body, string? message) = await AskAsync(bench, form, -1, whole: true);
        Assert.Equal(passes || form == "gRPC" ? "200" : "500", status);
        Assert.Equal(passes ? bytes + 1 : form == "gRPC" ? 0 : "Internal Server Error".Length, body.Length);
        Assert.Equal(passes || form != "gRPC" ? null : "2 Internal Server Error", message);
        await CheckRecordAsync(bench, passes ? "200 - via_upstream" : $"{status} - response_payload_too_large");
        Assert.Equal(passes ? 0 : 1, bench.Fixture.Counter("http.h.rs_too_large"));
    });

    /// <summary>A body that outgrows the buffer while an attempt is under way costs the retries only.</summary>
    [Theory]
    [InlineData(Limit, "200")]
    [InlineData(Limit + 1, "503")]
    public void Request_HeldForARetry_IsNotRetriedBeyondTheLimit(int bytes, string status) => Run(async bench =>
    {
        int requests = 0;
        bench.Upstream(async server =>
        {
            while (true)
            {
                await server.ReadHeadAsync();
                await server.ReadBytesAsync(bytes);
                await server.SendAsync(++requests == 1
                    ? "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
                    : "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            }
        });
        bench.Http(
            route: static route => route.Route_.RetryPolicy = new RetryPolicy
            {
                RetryOn = "5xx", NumRetries = 1, RetryBackOff = new() { BaseInterval = FlagCauses.Milliseconds(1) },
            },
            listener: static listener => listener.PerConnectionBufferLimitBytes = Limit);
        TestClient client = await bench.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {bytes}\r\n\r\n{new string('x', bytes)}");
        await bench.UntilAsync(() => requests > 0);
        await bench.AdvanceUntilRecordAsync();
        Assert.StartsWith($"HTTP/1.1 {status} ", await client.ReadHeadAsync(), StringComparison.Ordinal);
    });

    /// <summary>One that outgrows it between two attempts has nowhere to go.</summary>
    [Theory]
    [InlineData("HTTP/1.1")]
    [InlineData("HTTP/2")]
    [InlineData("gRPC")]
    public void Request_BetweenAttempts_Is507BeyondTheLimit(string form) => Run(async bench =>
    {
        bench.Answers("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
        bench.Http(
            route: static route => route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "5xx", NumRetries = 1 },
            listener: static listener => listener.PerConnectionBufferLimitBytes = Limit);
        (string status, string body, string? message) = await AskAsync(
            bench, form, Limit + 1, whole: false, () => bench.UntilAsync(() => bench.Fixture.Counter("cluster.c.upstream_rq_retry") == 1));
        const string text = "exceeded request buffer limit while retrying upstream";
        Assert.Equal(form == "gRPC" ? ("200", "", $"2 {text}") : ("507", text, null), (status, body, message));
        await CheckRecordAsync(bench, $"{status} - request_payload_exceeded_retry_buffer_limit");
    });

    private static void Serves(CauseBench bench, string does, int? limit, string body = "o", bool whole = true)
    {
        bench.Upstream(async server =>
        {
            string head = await server.ReadHeadAsync();
            int at = head.IndexOf("content-length: ", StringComparison.Ordinal);
            if (at >= 0)
            {
                await server.ReadBytesAsync(int.Parse(head[(at + 16)..].Split('\r')[0], System.Globalization.CultureInfo.InvariantCulture));
            }
            else if (head.Contains("chunked", StringComparison.Ordinal))
            {
                await server.ReadUntilAsync("0\r\n\r\n");
            }

            await server.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {body.Length + 1}\r\n\r\n{body}{(whole ? "k" : "")}");
        });
        bench.Http(
            manager => manager.HttpFilters.Insert(0, new HttpFilter { Name = "spoils", TypedConfig = CauseBench.Packed(does) }),
            listener: listener => listener.PerConnectionBufferLimitBytes = (uint?)limit);
    }

    // A request with a body of so many bytes and a last one, or none; of them one comes before the moment that is waited for.
    private static async Task<(string Status, string Body, string? Grpc)> AskAsync(
        CauseBench bench, string form, int bytes, bool whole, Func<Task>? moment = null)
    {
        TestClient client = await bench.ConnectAsync();
        string rest = bytes < 0 ? "" : new string('x', bytes - 1) + (whole ? "x" : "");
        if (form == "HTTP/1.1")
        {
            await client.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {bytes + 1}\r\n\r\n{(bytes < 0 ? "" : "x")}");
            await (moment?.Invoke() ?? Task.CompletedTask);
            await client.SendAsync(rest);
            string head = await client.ReadHeadAsync();
            return (head.Split(' ')[1], await client.ReadToEndAsync(), null);
        }

        var peer = new Http2Peer(client.Stream);
        await peer.StartClientAsync();
        await peer.HeadersAsync(
            1, end: bytes < 0, (":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"),
            ("content-type", form == "gRPC" ? "application/grpc" : "text/plain"));
        if (bytes >= 0)
        {
            await peer.DataAsync(1, "x", end: false);
            await (moment?.Invoke() ?? Task.CompletedTask);
            await peer.DataAsync(1, rest, end: whole);
        }

        (_, bool end, Dictionary<string, string> fields) = await peer.ReadHeadersAsync();
        string? message = fields.TryGetValue("grpc-status", out string? grpc) ? $"{grpc} {fields["grpc-message"]}" : null;
        return (fields[":status"], end ? "" : await peer.ReadBodyAsync(), message);
    }

    private static async Task CheckRecordAsync(CauseBench bench, string expected)
    {
        await bench.UntilAsync(() => bench.Records.Count > 0);
        string[] record = bench.Records[0].Split(' ');
        Assert.Equal(expected, $"{record[0]} {record[1]} {record[3]}");
    }

    private static void Run(Func<CauseBench, Task> test)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop => test(new CauseBench(loop, clock)));
    }
}
