using System.Text;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.AsyncClient;

/// <summary>Calls with one answer: unary gRPC and plain HTTP.</summary>
public sealed class AsyncRequestTests
{
    private const string Hi = "\0\0\0\0\u0002hi";

    [Theory]
    [InlineData(Hi, "0", "hi", null)]
    [InlineData("", "0", null, GrpcStatusCode.Internal)]
    [InlineData(Hi + Hi, "0", null, GrpcStatusCode.Internal)]
    [InlineData(Hi, "14", null, GrpcStatusCode.Unavailable)]
    public void Unary_OneMessageAndOk_IsTheOnlySuccess(string body, string status, string? message, object? failure) => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        bench.Unary().Start(new StringValue { Value = "ab" });
        Http2Peer server = await bench.AcceptAsync();
        await server.ReadHeadersAsync();
        Assert.Equal("\0\0\0\0\u0004\u000A\u0002ab", await server.ReadBodyAsync());
        await server.HeadersAsync(1, end: false, (":status", "200"));
        await server.DataAsync(1, body, end: false);
        await server.HeadersAsync(1, end: true, ("grpc-status", status));
        await bench.UntilAsync(() => bench.Events.Ends.Count + bench.Events.Messages.Count > 0);
        Assert.Equal(message is null ? [] : [message], bench.Events.Messages);
        Assert.Equal(failure is null ? [] : [(GrpcStatusCode)failure], bench.Events.Ends.Select(static end => end.Status));
        Assert.Equal(0, bench.Bench.Counter("cluster.backend.upstream_rq_active"));
    });

    [Theory]
    [InlineData("Content-Length: 5\r\n\r\nhello")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n")]
    public void Http1_RequestAndResponse_AreWhole(string response) => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop, isHttp2: false);
        var answer = new Answer();
        new AsyncHttpRequest(bench.Worker, bench.Cluster, 0, 5, answer).Start(Head("POST"), "body"u8);
        TestClient server = await bench.AcceptHttp1Async();
        string head = await server.ReadHeadAsync();
        Assert.StartsWith("POST /x HTTP/1.1\r\n", head);
        Assert.Contains("content-length: 4\r\n", head);
        Assert.Equal("body", await server.ReadBytesAsync(4));
        await server.SendAsync("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n" + response);
        await bench.UntilAsync(() => answer.Text is not null);
        Assert.Equal("201 hello", answer.Text);
        Assert.Equal(1, bench.Bench.Counter("cluster.backend.upstream_rq_201"));
        bench.AssertIdle();
    });

    [Fact]
    public void ResponseBody_AboveTheBound_Fails() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop, isHttp2: false);
        var answer = new Answer();
        new AsyncHttpRequest(bench.Worker, bench.Cluster, 0, 4, answer).Start(Head("GET"), default);
        TestClient server = await bench.AcceptHttp1Async();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        await bench.UntilAsync(() => answer.Text is not null);
        Assert.Equal("ResponseTooLarge", answer.Text);
        bench.AssertIdle();
    });

    [Fact]
    public void Connection_Refused_IsAFailureWithItsReason() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop, isHttp2: false);
        bench.Dispose();
        var answer = new Answer();
        new AsyncHttpRequest(bench.Worker, bench.Cluster, 0, 4, answer).Start(Head("GET"), default);
        await bench.UntilAsync(() => answer.Text is not null);
        Assert.Equal("Reset", answer.Text);
        Assert.Contains("remote_connection_failure", answer.Details);
        bench.AssertIdle();
    });

    private static HeaderMap Head(string method)
    {
        var head = new HeaderMap();
        head.Add(WellKnownHeader.Method, Encoding.ASCII.GetBytes(method));
        head.Add(WellKnownHeader.Path, "/x"u8);
        head.Add(WellKnownHeader.Authority, "a"u8);
        return head;
    }

    private sealed class Answer : IAsyncHttpRequestEvents
    {
        public string? Text { get; private set; }

        public string Details { get; private set; } = "";

        public void OnResponse(int status, HeaderMap headers, ReadOnlySpan<byte> body)
        {
            Assert.Null(Text);
            Text = $"{status} {Encoding.Latin1.GetString(body)}";
        }

        public void OnFailure(AsyncFailure failure)
        {
            Assert.Null(Text);
            Text = failure.Kind.ToString();
            Details = failure.Details;
        }
    }
}
