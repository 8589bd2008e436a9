using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Web;

namespace Pilotfish.EndToEnd.Rpc;

/// <summary>A real gRPC-Web client over HTTP/1.1 and HTTP/2, in both forms, to servers that know only gRPC.</summary>
public sealed class GrpcWebTests(RpcPlace place)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<string, GrpcWebMode, string> Forms()
    {
        var forms = new TheoryData<string, GrpcWebMode, string>();
        foreach (string listener in (string[])["h2c-kestrel", "tls-node"])
        {
            foreach (GrpcWebMode mode in Enum.GetValues<GrpcWebMode>())
            {
                forms.Add(listener, mode, "1.1");
                forms.Add(listener, mode, "2.0");
            }
        }

        return forms;
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task Calls_SucceedAndFailAsOverGrpc(string listener, GrpcWebMode mode, string version)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(await place.UrlAsync(listener), new GrpcChannelOptions
        {
            HttpHandler = new GrpcWebHandler(mode, place.Handler()),
            HttpVersion = Version.Parse(version),
            HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        });
        var client = new Echo.EchoClient(channel);
        var big = ByteString.CopyFrom(Enumerable.Range(0, 300_000).Select(static i => (byte)i).ToArray());
        Assert.Equal(big, (await client.UnaryAsync(new Note { Payload = big }, cancellationToken: Stop)).Payload);

        using AsyncServerStreamingCall<Note> expand = client.Expand(new Note { Count = 20, Payload = big, Status = 11 }, cancellationToken: Stop);
        int count = 0;
        RpcException failed = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (Note note in expand.ResponseStream.ReadAllAsync(Stop))
            {
                Assert.Equal((count++, big), (note.Count, note.Payload));
            }
        });
        Assert.Equal(20, count);
        Assert.Equal(StatusCode.OutOfRange, failed.StatusCode);
        Assert.Equal([0, 1, 2, 255], failed.Trailers.GetValueBytes("x-detail-bin")!);

        string id = Guid.NewGuid().ToString("N");
        failed = await Assert.ThrowsAsync<RpcException>(
            async () => await client.UnaryAsync(new Note { Status = 5 }, new Metadata { { "x-id", id } }, cancellationToken: Stop));
        Assert.Equal((StatusCode.NotFound, "asked for 5 – ünï"), (failed.StatusCode, failed.Status.Detail));
        Assert.StartsWith($"{id} NotFound 200 via_upstream", await place.RecordAsync(id));

        failed = await Assert.ThrowsAsync<RpcException>(
            async () => await client.UnaryAsync(new Note(), new Metadata { { "x-to", "nowhere" } }, cancellationToken: Stop));
        Assert.Equal(StatusCode.Unavailable, failed.StatusCode);
    }
}
