using System.Net.Sockets;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Service.Discovery.V3;
using Envoy.Service.Secret.V3;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Pilotfish.Agent.Identity;
using Pilotfish.Proxy.Http2.InternalServer;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Identity;

/// <summary>The agent's socket against gRPC's own client.</summary>
public sealed class SdsServerTests
{
    private const string SecretType = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

    [Fact]
    public void Stream_GetsASecret_AcknowledgesIt_AndItsRenewal() => LoopRunner.Run(async loop =>
    {
        using var bench = new SecretBench(loop);
        using SdsServer server = bench.Serve();
        string chain = bench.Mount().Chain;
        using GrpcChannel channel = Dial(bench.SocketPath);
        using AsyncDuplexStreamingCall<DiscoveryRequest, DiscoveryResponse> call =
            new SecretDiscoveryService.SecretDiscoveryServiceClient(channel).StreamSecrets();
        await call.RequestStream.WriteAsync(Ask("default"));
        DiscoveryResponse first = await NextAsync(call.ResponseStream);
        Assert.Equal((SecretType, chain), (first.TypeUrl, Chain(first)));
        await call.RequestStream.WriteAsync(Answer(first, "default"));

        string renewed = bench.Mount().Chain;
        DiscoveryResponse second = await NextAsync(call.ResponseStream);
        Assert.Equal(renewed, Chain(second));
        Assert.NotEqual((first.VersionInfo, first.Nonce), (second.VersionInfo, second.Nonce));
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        await bench.UntilAsync(() => bench.Store.Count == 0);
    });

    [Fact]
    public void Refusal_IsNotAnsweredWithTheSame_AndTheNextVersionComes() => LoopRunner.Run(async loop =>
    {
        using var bench = new SecretBench(loop);
        using SdsServer server = bench.Serve();
        bench.Mount();
        using GrpcChannel channel = Dial(bench.SocketPath);
        using AsyncDuplexStreamingCall<DiscoveryRequest, DiscoveryResponse> call =
            new SecretDiscoveryService.SecretDiscoveryServiceClient(channel).StreamSecrets();
        await call.RequestStream.WriteAsync(Ask("default"));
        DiscoveryResponse first = await NextAsync(call.ResponseStream);
        DiscoveryRequest nack = Answer(first, "default");
        nack.VersionInfo = "";
        nack.ErrorDetail = new Google.Rpc.Status { Code = 13, Message = "I do not like it" };
        await call.RequestStream.WriteAsync(nack);
        string renewed = bench.Mount().Chain;
        Assert.Equal(renewed, Chain(await NextAsync(call.ResponseStream)));
    });

    [Fact]
    public void Names_AreAddedAndDropped_AndAStaleAnswerChangesNothing() => LoopRunner.Run(async loop =>
    {
        using var bench = new SecretBench(loop);
        using SdsServer server = bench.Serve();
        bench.Mount();
        using GrpcChannel channel = Dial(bench.SocketPath);
        using AsyncDuplexStreamingCall<DiscoveryRequest, DiscoveryResponse> call =
            new SecretDiscoveryService.SecretDiscoveryServiceClient(channel).StreamSecrets();
        await call.RequestStream.WriteAsync(Ask("default"));
        DiscoveryResponse first = await NextAsync(call.ResponseStream);
        await call.RequestStream.WriteAsync(Answer(first, "default", "ROOTCA"));
        DiscoveryResponse second = await NextAsync(call.ResponseStream);
        Assert.Equal("ROOTCA", Secret.Parser.ParseFrom(Assert.Single(second.Resources).Value).Name);

        // It answers the first response once more, which must not drop the roots.
        await call.RequestStream.WriteAsync(Answer(first, "default"));
        await call.RequestStream.WriteAsync(Answer(second, "default", "ROOTCA"));
        await call.RequestStream.WriteAsync(Answer(second, "ROOTCA"));
        await bench.UntilAsync(() => bench.Store.Count == 1);
        bench.Write("root-cert.pem", new TestCertificates("other").RootPem);
        Assert.Equal("ROOTCA", Secret.Parser.ParseFrom(Assert.Single((await NextAsync(call.ResponseStream)).Resources).Value).Name);
    });

    [Fact]
    public void Delta_SubscribesResumesAndUnsubscribes() => LoopRunner.Run(async loop =>
    {
        using var bench = new SecretBench(loop);
        using SdsServer server = bench.Serve();
        bench.Mount();
        using GrpcChannel channel = Dial(bench.SocketPath);
        var client = new SecretDiscoveryService.SecretDiscoveryServiceClient(channel);
        using AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> call = client.DeltaSecrets();
        await call.RequestStream.WriteAsync(new DeltaDiscoveryRequest
        {
            Node = new Node { Id = "n" }, TypeUrl = SecretType, ResourceNamesSubscribe = { "default", "unknown" },
        });
        DeltaDiscoveryResponse first = await NextAsync(call.ResponseStream);
        Resource resource = Assert.Single(first.Resources);
        Assert.Equal(("default", "unknown"), (resource.Name, Assert.Single(first.RemovedResources)));

        // Another stream that has it already hears of the roots only.
        using AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> again = client.DeltaSecrets();
        await again.RequestStream.WriteAsync(new DeltaDiscoveryRequest
        {
            Node = new Node { Id = "n" }, ResourceNamesSubscribe = { "default", "ROOTCA" }, InitialResourceVersions = { ["default"] = resource.Version },
        });
        DeltaDiscoveryResponse rest = await NextAsync(again.ResponseStream);
        Assert.Equal("ROOTCA", Assert.Single(rest.Resources).Name);

        await call.RequestStream.WriteAsync(new DeltaDiscoveryRequest { ResponseNonce = first.Nonce, ResourceNamesUnsubscribe = { "default" } });
        await again.RequestStream.WriteAsync(new DeltaDiscoveryRequest { ResourceNamesUnsubscribe = { "ROOTCA", "default" } });
        await bench.UntilAsync(() => bench.Store.Count == 0);
    });

    [Fact]
    public void Wrong_Requests_EndWithAStatus() => LoopRunner.Run(async loop =>
    {
        using var bench = new SecretBench(loop);
        using SdsServer server = bench.Serve();
        using GrpcChannel channel = Dial(bench.SocketPath);
        var client = new SecretDiscoveryService.SecretDiscoveryServiceClient(channel);

        Assert.Equal((StatusCode.NotFound, true), await EndAsync(Ask("kubernetes://a"), "kubernetes://a"));
        Assert.Equal((StatusCode.InvalidArgument, true), await EndAsync(
            new DiscoveryRequest { TypeUrl = "type.googleapis.com/envoy.config.cluster.v3.Cluster", ResourceNames = { "default" } }, "Cluster"));
        DiscoveryRequest many = Ask();
        many.ResourceNames.AddRange(Enumerable.Range(0, SecretCall.NamesMax + 1).Select(i => $"file-root:/nowhere/{i}"));
        Assert.Equal((StatusCode.ResourceExhausted, true), await EndAsync(many, "1024"));
        RpcException fetch = await Assert.ThrowsAsync<RpcException>(async () => await client.FetchSecretsAsync(Ask("default"), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(StatusCode.Unimplemented, fetch.StatusCode);
        Assert.Equal(0, bench.Store.Count);

        async Task<(StatusCode, bool)> EndAsync(DiscoveryRequest request, string named)
        {
            using AsyncDuplexStreamingCall<DiscoveryRequest, DiscoveryResponse> call = client.StreamSecrets();
            await call.RequestStream.WriteAsync(request);
            RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseStream.MoveNext());
            return (e.StatusCode, e.Status.Detail.Contains(named, StringComparison.Ordinal));
        }
    });

    [Fact]
    public void Clients_SeveralAtOnce_AllHearOfARenewal() => LoopRunner.Run(async loop =>
    {
        using var bench = new SecretBench(loop);
        using SdsServer server = bench.Serve();
        bench.Mount();
        var channels = new List<GrpcChannel>();
        var calls = new List<AsyncDuplexStreamingCall<DiscoveryRequest, DiscoveryResponse>>();
        for (int i = 0; i < 12; i++)
        {
            if (i % 3 == 0)
            {
                channels.Add(Dial(bench.SocketPath));
            }

            calls.Add(new SecretDiscoveryService.SecretDiscoveryServiceClient(channels[^1]).StreamSecrets());
            await calls[^1].RequestStream.WriteAsync(Ask("default"));
            await NextAsync(calls[^1].ResponseStream);
        }

        Assert.Equal((4, 1), (server.ConnectionCount, bench.Store.Count));
        string renewed = bench.Mount().Chain;
        foreach (AsyncDuplexStreamingCall<DiscoveryRequest, DiscoveryResponse> call in calls)
        {
            Assert.Equal(renewed, Chain(await NextAsync(call.ResponseStream)));
            call.Dispose();
        }

        await bench.UntilAsync(() => bench.Store.Count == 0);
        channels.ForEach(static channel => channel.Dispose());
        await bench.UntilAsync(() => server.ConnectionCount == 0);
    });

    [Fact]
    public void Socket_IsOpenToThePod_ReplacesADeadOne_AndGoesWithTheServer() => LoopRunner.Run(async loop =>
    {
        using var bench = new SecretBench(loop);
        Directory.CreateDirectory(bench.At("uds"));
        ListenSocket dead = ListenSocket.Listen(loop, NetAddress.Unix(bench.SocketPath));
        File.Move(bench.SocketPath, bench.At("aside"));
        dead.Close();
        File.Move(bench.At("aside"), bench.SocketPath);

        Assert.True(File.Exists(bench.SocketPath));
        SdsServer server = bench.Serve();
        Assert.True(server.IsListening);
        Assert.Equal("666", Convert.ToString((int)File.GetUnixFileMode(bench.SocketPath), 8));
        bench.Mount();
        using GrpcChannel channel = Dial(bench.SocketPath);
        using AsyncDuplexStreamingCall<DiscoveryRequest, DiscoveryResponse> call =
            new SecretDiscoveryService.SecretDiscoveryServiceClient(channel).StreamSecrets();
        await call.RequestStream.WriteAsync(Ask("default"));
        await NextAsync(call.ResponseStream);
        server.Dispose();
        Assert.False(File.Exists(bench.SocketPath));
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseStream.MoveNext());
        Assert.True(e.StatusCode == StatusCode.Unavailable, e.ToString());
    });

    [Fact]
    public void Socket_ThatCannotBeOpened_IsTriedAgain()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop =>
        {
            using var bench = new SecretBench(loop);
            bench.Write("uds", "a file where the directory should be");
            using SdsServer server = bench.Serve();
            Assert.False(server.IsListening);
            File.Delete(bench.At("uds"));
            clock.Advance(TimeSpan.FromSeconds(1.1));
            loop.RunOnce();
            loop.RunOnce();
            Assert.True(server.IsListening);
            Assert.Equal("750", Convert.ToString((int)File.GetUnixFileMode(bench.At("uds")), 8));
            return Task.CompletedTask;
        });
    }

    [Fact]
    public void HostilePeers_EndAlone() => LoopRunner.Run(async loop =>
    {
        using var bench = new SecretBench(loop);
        using SdsServer server = bench.Serve(new GrpcServerLimits { HandshakeMilliseconds = 50 });
        bench.Mount();
        using GrpcChannel channel = Dial(bench.SocketPath);
        using AsyncDuplexStreamingCall<DiscoveryRequest, DiscoveryResponse> call =
            new SecretDiscoveryService.SecretDiscoveryServiceClient(channel).StreamSecrets();
        await call.RequestStream.WriteAsync(Ask("default"));
        await NextAsync(call.ResponseStream);
        byte[][] openings =
        [
            "GET / HTTP/1.1\r\nhost: a\r\n\r\n"u8.ToArray(),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u00ff\u00ff\u00ff\0\0\0\0\0\u0001"u8.ToArray(),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0\0\0\u0001\0\0\0\0\0\u0001a"u8.ToArray(),
            "PRI * "u8.ToArray(),
            [],
        ];
        foreach (byte[] opening in openings)
        {
            SocketStream peer = SocketStream.Create(loop);
            Assert.Equal(IoError.None, await peer.ConnectAsync(NetAddress.Unix(bench.SocketPath)));
            await peer.SendAsync(opening);
            byte[] buffer = new byte[4096];
            IoResult result;
            do
            {
                result = await peer.ReceiveAsync(buffer);
            }
            while (result is { IsOk: true, IsEnd: false });
            peer.Close();
        }

        await bench.UntilAsync(() => server.ConnectionCount == 1);
        string renewed = bench.Mount().Chain;
        Assert.Equal(renewed, Chain(await NextAsync(call.ResponseStream)));
    });

    [Fact]
    public void AtRest_ItIsASocketAndLittleElse() => LoopRunner.Run(loop =>
    {
        using var bench = new SecretBench(loop);
        bench.Serve().Dispose();
        long before = GC.GetAllocatedBytesForCurrentThread();
        using SdsServer server = bench.Serve();
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(server.IsListening);

        // Seen: 4.5 KB, of which the line of the log is a part.
        Assert.InRange(bytes, 500, 10_000);
        return Task.CompletedTask;
    });

    private static GrpcChannel Dial(string path) => GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        },
        DisposeHttpClient = true,
    });

    private static DiscoveryRequest Ask(params string[] names)
    {
        var request = new DiscoveryRequest { Node = new Node { Id = "client" }, TypeUrl = SecretType };
        request.ResourceNames.AddRange(names);
        return request;
    }

    private static DiscoveryRequest Answer(DiscoveryResponse response, params string[] names)
    {
        DiscoveryRequest request = Ask(names);
        request.VersionInfo = response.VersionInfo;
        request.ResponseNonce = response.Nonce;
        return request;
    }

    private static async Task<T> NextAsync<T>(IAsyncStreamReader<T> stream)
    {
        Assert.True(await stream.MoveNext(TestContext.Current.CancellationToken));
        return stream.Current;
    }

    private static string Chain(DiscoveryResponse response) =>
        Secret.Parser.ParseFrom(Assert.Single(response.Resources).Value).TlsCertificate.CertificateChain.InlineBytes.ToStringUtf8();
}
