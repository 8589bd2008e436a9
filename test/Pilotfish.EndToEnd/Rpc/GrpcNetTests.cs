using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Pilotfish.EndToEnd.Faults;

namespace Pilotfish.EndToEnd.Rpc;

/// <summary>Grpc.Net as client, Kestrel and grpc-js as servers, plaintext and TLS on both sides of the proxy.</summary>
public sealed class GrpcNetTests(RpcPlace place)
{
    private static readonly ByteString s_big = ByteString.CopyFrom(Enumerable.Repeat((byte)7, 1024 * 1024).ToArray());

    public static TheoryData<string> Listeners { get; } = new("h2c-kestrel", "tls-kestrel", "h2c-node", "tls-node");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Listeners))]
    public async Task Unary_SmallAndOneMegabyte(string listener)
    {
        Echo.EchoClient client = await ClientAsync(listener);
        Assert.Equal("hi", (await client.UnaryAsync(new Note { Payload = ByteString.CopyFromUtf8("hi") }, cancellationToken: Stop)).Payload.ToStringUtf8());
        Assert.Equal(s_big, (await client.UnaryAsync(new Note { Payload = s_big }, cancellationToken: Stop)).Payload);
    }

    [Theory]
    [MemberData(nameof(Listeners))]
    public async Task Streaming_ClientServerAndBoth(string listener)
    {
        Echo.EchoClient client = await ClientAsync(listener);
        using AsyncClientStreamingCall<Note, Note> collect = client.Collect(cancellationToken: Stop);
        for (int i = 0; i < 20; i++)
        {
            await collect.RequestStream.WriteAsync(new Note { Payload = ByteString.CopyFrom(s_big.Span[..50_000]) }, Stop);
        }

        await collect.RequestStream.CompleteAsync();
        Note collected = await collect;
        Assert.Equal((20, 1_000_000), (collected.Count, collected.Payload.Length));

        using AsyncServerStreamingCall<Note> expand = client.Expand(
            new Note { Count = 50, Payload = ByteString.CopyFrom(s_big.Span[..20_000]) }, cancellationToken: Stop);
        int count = 0;
        await foreach (Note note in expand.ResponseStream.ReadAllAsync(Stop))
        {
            Assert.Equal(count++, note.Count);
        }

        Assert.Equal(50, count);
        using AsyncDuplexStreamingCall<Note, Note> chat = client.Chat(cancellationToken: Stop);
        for (int i = 1; i <= 10; i++)
        {
            // Each message waits for the answer to the one before: nothing may be held back.
            await chat.RequestStream.WriteAsync(new Note { Payload = ByteString.CopyFromUtf8($"m{i}") }, Stop);
            Assert.True(await chat.ResponseStream.MoveNext(Stop));
            Assert.Equal((i, $"m{i}"), (chat.ResponseStream.Current.Count, chat.ResponseStream.Current.Payload.ToStringUtf8()));
        }

        await chat.RequestStream.CompleteAsync();
        Assert.False(await chat.ResponseStream.MoveNext(Stop));
        Assert.Equal(StatusCode.OK, chat.GetStatus().StatusCode);
    }

    [Theory]
    [MemberData(nameof(Listeners))]
    public async Task Failure_StatusMessageAndDetailsArrive_TrailersOnlyAndAfterMessages(string listener)
    {
        ServeProcess serve = await place.ServeAsync();
        Echo.EchoClient client = await ClientAsync(listener);
        string id = NewId();
        RpcException failed = await Assert.ThrowsAsync<RpcException>(
            async () => await client.UnaryAsync(new Note { Status = 9 }, Headers(id), cancellationToken: Stop));
        CheckFailure(failed, StatusCode.FailedPrecondition);
        Assert.StartsWith($"{id} FailedPrecondition 200 via_upstream 1", await place.RecordAsync(id));
        Assert.NotEqual(0, await serve.StatAsync($"cluster.{listener}.grpc.9"));

        id = NewId();
        using AsyncServerStreamingCall<Note> expand = client.Expand(new Note { Count = 3, Status = 11 }, Headers(id), cancellationToken: Stop);
        int count = 0;
        failed = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (Note note in expand.ResponseStream.ReadAllAsync(Stop))
            {
                count++;
            }
        });
        Assert.Equal(3, count);
        CheckFailure(failed, StatusCode.OutOfRange);
        Assert.StartsWith($"{id} OutOfRange 200 via_upstream 1", await place.RecordAsync(id));
        Assert.NotEqual(0, await serve.StatAsync($"cluster.{listener}.grpc.failure"));
    }

    [Theory]
    [MemberData(nameof(Listeners))]
    public async Task Deadline_ClientEnds_ServerSeesTheCancel(string listener)
    {
        Echo.EchoClient client = await ClientAsync(listener);
        string id = NewId();
        Metadata headers = Headers(id);
        headers.Add("x-client-keeps-time", "yes");
        RpcException failed = await Assert.ThrowsAsync<RpcException>(async () => await client.UnaryAsync(
            new Note { DelayMilliseconds = 60_000 }, headers, DateTime.UtcNow.AddMilliseconds(300), Stop));
        Assert.Equal(StatusCode.DeadlineExceeded, failed.StatusCode);
        await client.AwaitCancelledAsync(new Note { Payload = ByteString.CopyFromUtf8(id) }, cancellationToken: Stop);
    }

    /// <summary>A client that announces a timeout and does not keep it, a server that never hears of it: the proxy does.</summary>
    [Fact]
    public async Task Deadline_ClientDoesNotEnd_ProxyDoes()
    {
        using var http = new HttpClient(place.Handler()) { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        byte[] note = new Note { DelayMilliseconds = 60_000 }.ToByteArray();
        using var request = new HttpRequestMessage(HttpMethod.Post, await place.UrlAsync("h2c-kestrel") + "/pilotfish.test.Echo/Unary")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0, 0, 0, (byte)note.Length, .. note]),
        };
        string id = NewId();
        request.Headers.Add("te", "trailers");
        request.Headers.Add("grpc-timeout", "200m");
        request.Headers.Add("x-id", id);
        request.Headers.Add("x-proxy-keeps-time", "yes");
        request.Content.Headers.ContentType = new("application/grpc");
        using HttpResponseMessage response = await http.SendAsync(request, Stop);
        Assert.Equal("14", Assert.Single(response.Headers.GetValues("grpc-status")));
        Assert.Equal("upstream request timeout", Assert.Single(response.Headers.GetValues("grpc-message")));
        Assert.StartsWith($"{id} Unavailable 200 response_timeout 1", await place.RecordAsync(id));
    }

    [Theory]
    [MemberData(nameof(Listeners))]
    public async Task Cancel_MidStream_ServerSeesIt(string listener)
    {
        Echo.EchoClient client = await ClientAsync(listener);
        string id = NewId();
        using AsyncDuplexStreamingCall<Note, Note> chat = client.Chat(Headers(id), cancellationToken: Stop);
        await chat.RequestStream.WriteAsync(new Note(), Stop);
        Assert.True(await chat.ResponseStream.MoveNext(Stop));
        chat.Dispose();
        await client.AwaitCancelledAsync(new Note { Payload = ByteString.CopyFromUtf8(id) }, cancellationToken: Stop);
    }

    [Theory]
    [InlineData("h2c-kestrel", StatusCode.Cancelled)]
    [InlineData("h2c-kestrel", StatusCode.DeadlineExceeded)]
    [InlineData("h2c-kestrel", StatusCode.Internal)]
    [InlineData("h2c-kestrel", StatusCode.ResourceExhausted)]
    [InlineData("h2c-kestrel", StatusCode.Unavailable)]
    [InlineData("tls-node", StatusCode.Unavailable)]
    public async Task Retry_OnGrpcStatus_ThirdAttemptAnswers(string listener, StatusCode status)
    {
        Echo.EchoClient client = await ClientAsync(listener);
        string id = NewId();
        Metadata headers = Headers(id);
        headers.Add("x-retry", "yes");
        Note answer = await client.UnaryAsync(new Note { Status = (int)status, Failures = 2 }, headers, cancellationToken: Stop);
        Assert.Equal(3, answer.Count);
        Assert.StartsWith($"{id} OK 200 via_upstream 3", await place.RecordAsync(id));
    }

    [Fact]
    public async Task Retry_OtherGrpcStatus_IsTheAnswer()
    {
        Echo.EchoClient client = await ClientAsync("h2c-kestrel");
        string id = NewId();
        Metadata headers = Headers(id);
        headers.Add("x-retry", "yes");
        RpcException failed = await Assert.ThrowsAsync<RpcException>(
            async () => await client.UnaryAsync(new Note { Status = (int)StatusCode.Aborted, Failures = 2 }, headers, cancellationToken: Stop));
        Assert.Equal(StatusCode.Aborted, failed.StatusCode);
        Assert.StartsWith($"{id} Aborted 200 via_upstream 1", await place.RecordAsync(id));
    }

    [Fact]
    public async Task LocalReply_IsAGrpcStatus()
    {
        Echo.EchoClient client = await ClientAsync("tls-kestrel");
        string id = NewId();
        Metadata headers = Headers(id);
        headers.Add("x-to", "nowhere");
        RpcException failed = await Assert.ThrowsAsync<RpcException>(async () => await client.UnaryAsync(new Note(), headers, cancellationToken: Stop));
        Assert.Equal((StatusCode.Unavailable, "no healthy upstream"), (failed.StatusCode, failed.Status.Detail));
        Assert.StartsWith($"{id} Unavailable 200 no_healthy_upstream", await place.RecordAsync(id));
    }

    private static void CheckFailure(RpcException failed, StatusCode status)
    {
        Assert.Equal(status, failed.StatusCode);
        Assert.Equal($"asked for {(int)status} – ünï", failed.Status.Detail);
        Assert.Equal([0, 1, 2, 255], failed.Trailers.GetValueBytes("x-detail-bin")!);
    }

    private static string NewId() => Guid.NewGuid().ToString("N");

    private static Metadata Headers(string id) => new() { { "x-id", id } };

    private async Task<Echo.EchoClient> ClientAsync(string listener) => new(GrpcChannel.ForAddress(
        await place.UrlAsync(listener), new GrpcChannelOptions { HttpHandler = place.Handler(), DisposeHttpClient = true }));
}
