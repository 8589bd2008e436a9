using System.Net;
using System.Net.Sockets;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>Every condition of retry_on against every cause, brought about by a real upstream: retried or not, as Envoy documents.</summary>
public sealed class RetryOnTests
{
    private static readonly string[] s_causes =
    [
        "500", "502", "503", "504", "409", "418", "ratelimited", "header", "closed", "refused connection", "refused stream", "reset stream",
        "grpc 1", "grpc 4", "grpc 8", "grpc 13", "grpc 14", "grpc 10",
    ];

    private static readonly Dictionary<string, string[]> s_conditions = new()
    {
        ["5xx"] = ["500", "502", "503", "504", "closed", "refused connection", "refused stream", "reset stream"],
        ["gateway-error"] = ["502", "503", "504", "closed", "refused connection", "refused stream", "reset stream"],
        ["reset"] = ["closed", "refused connection", "refused stream", "reset stream"],
        ["reset-before-request"] = ["refused connection"],
        ["connect-failure"] = ["refused connection"],
        ["envoy-ratelimited"] = ["ratelimited"],
        ["retriable-4xx"] = ["409"],
        ["refused-stream"] = ["refused stream"],
        ["retriable-status-codes"] = ["418"],
        ["retriable-headers"] = ["header"],
        ["cancelled"] = ["grpc 1"],
        ["deadline-exceeded"] = ["grpc 4"],
        ["resource-exhausted"] = ["grpc 8"],
        ["internal"] = ["grpc 13"],
        ["unavailable"] = ["grpc 14"],
        ["http3-post-connect-failure"] = [],
        ["no-such-condition, 503"] = [],
        [" connect-failure , retriable-4xx"] = ["refused connection", "409"],
    };

    public static TheoryData<string, string, bool> Rows()
    {
        var rows = new TheoryData<string, string, bool>();
        foreach ((string condition, string[] retried) in s_conditions)
        {
            foreach (string cause in s_causes)
            {
                rows.Add(condition, cause, retried.Contains(cause));
            }
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Policy(string condition, string cause, bool retried) => Check(cause, retried, "", new RetryPolicy
    {
        RetryOn = condition,
        RetriableStatusCodes = { 418 },
        RetriableHeaders = { new HeaderMatcher { Name = "X-Try", PresentMatch = true } },
    });

    /// <summary>The same by the headers that a trusted client sends, without a policy of the route.</summary>
    [Theory]
    [InlineData("x-envoy-retry-on: 5xx", "500", true)]
    [InlineData("x-envoy-retry-on: gateway-error", "500", false)]
    [InlineData("x-envoy-retry-on: retriable-status-codes\r\nx-envoy-retriable-status-codes: 400, 418", "418", true)]
    [InlineData("x-envoy-retry-on: retriable-status-codes\r\nx-envoy-retriable-status-codes: 400", "418", false)]
    [InlineData("x-envoy-retry-on: retriable-headers\r\nx-envoy-retriable-header-names: x-other,X-Try", "header", true)]
    [InlineData("x-envoy-retry-on: retriable-headers\r\nx-envoy-retriable-header-names: x-other", "header", false)]
    [InlineData("x-envoy-retry-grpc-on: unavailable", "grpc 14", true)]
    [InlineData("x-envoy-retry-grpc-on: 5xx", "500", false)]
    [InlineData("x-envoy-retry-on: 5xx\r\nx-envoy-max-retries: 0", "500", false)]
    [InlineData("x-envoy-retry-on: 5xx\r\nx-envoy-max-retries: 0x", "500", true)]
    [InlineData("x-envoy-retry-on: retriable-status-codes\r\nx-envoy-retriable-status-codes: 418x, +418", "418", false)]
    [InlineData("x-envoy-retry-grpc-on: unavailable", "grpc 14x", false)]
    [InlineData("x-envoy-retry-grpc-on: unavailable", "grpc +14", false)]
    public void Headers(string headers, string cause, bool retried) => Check(cause, retried, headers + "\r\n", policy: null);

    private static void Check(string cause, bool retried, string headers, RetryPolicy? policy) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        bool http2 = cause.EndsWith("stream", StringComparison.Ordinal);
        var bench = new ProxyBench(loop);
        HttpProtocolOptions options = new() { ExplicitHttpConfig = new() };
        if (http2)
        {
            options.ExplicitHttpConfig.Http2ProtocolOptions = new();
        }
        else
        {
            options.ExplicitHttpConfig.HttpProtocolOptions = new();
        }

        bool connects = cause != "refused connection";
        using Socket closed = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));

        // Bound and not listening: nobody else gets the port, and connections are refused.
        var refusing = NetAddress.Loopback((ushort)((IPEndPoint)closed.LocalEndPoint!).Port);
        bench.AddHttpCluster("backend", options, connects ? upstream.Address : refusing);
        bench.Serve(
            static hcm => hcm.InternalAddressConfig = new() { CidrRanges = { new Envoy.Config.Core.V3.CidrRange { AddressPrefix = "10.0.0.0", PrefixLen = 8 } } },
            route => route.Route_.RetryPolicy = policy);
        TestClient client = bench.Connect();
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.1.1.1\r\n{headers}\r\n");
        Task<string> head = client.ReadHeadAsync();
        if (connects)
        {
            Http2Peer? peer = await FailAsync(upstream, cause);
            if (retried)
            {
                await AnswerAsync(upstream, peer);
            }
        }

        string answer = await head;
        Assert.Equal(retried ? 1 : 0, bench.Counter("cluster.backend.upstream_rq_retry"));
        Assert.Equal(retried ? 2 : 1, bench.Recorded[0].Attempts);
        if (connects)
        {
            Assert.Equal(retried, answer.Contains("x-second: yes", StringComparison.Ordinal));
        }
    });

    private static async Task<Http2Peer?> FailAsync(TestUpstream upstream, string cause)
    {
        TestClient server = await upstream.AcceptAsync();
        if (cause.EndsWith("stream", StringComparison.Ordinal))
        {
            var peer = new Http2Peer(server.Stream);
            await peer.StartServerAsync();
            await peer.ReadHeadersAsync();
            Http2ErrorCode code = cause == "refused stream" ? Http2ErrorCode.REFUSED_STREAM : Http2ErrorCode.INTERNAL_ERROR;
            await peer.SendAsync(FrameType.RST_STREAM, 0, 1, Http2Peer.Number((uint)code));
            return peer;
        }

        await server.ReadHeadAsync();
        string? response = cause switch
        {
            "closed" => null,
            "ratelimited" => "429 No\r\nx-envoy-ratelimited: true",
            "header" => "200 OK\r\nx-try: again",
            _ when cause.StartsWith("grpc ", StringComparison.Ordinal) => $"200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: {cause[5..]}",
            _ => $"{cause} Status",
        };
        if (response is not null)
        {
            await server.SendAsync($"HTTP/1.1 {response}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }

        server.Stream.Close();
        return null;
    }

    private static async Task AnswerAsync(TestUpstream upstream, Http2Peer? peer)
    {
        if (peer is not null)
        {
            // The connection outlives a stream that was reset.
            int id = (await peer.ReadHeadersAsync()).Id;
            await peer.HeadersAsync(id, end: true, (":status", "200"), ("x-second", "yes"));
            return;
        }

        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-second: yes\r\n\r\n");
    }
}
