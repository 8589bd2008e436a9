using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Tls;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.AsyncClient;

/// <summary>Calls of the proxy's own to one host among several, over TLS, and with trailers.</summary>
public sealed class AsyncTargetTests
{
    [Fact]
    public void OriginalDestination_IsTheHost() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        using var server = new TestUpstream(loop);
        Assert.Empty(fixture.Apply(new Cluster
        {
            Name = "c",
            Type = Cluster.Types.DiscoveryType.OriginalDst,
            LbPolicy = Cluster.Types.LbPolicy.ClusterProvided,
        }));
        Call(fixture, new AsyncTarget { OriginalDestination = server.Address });
        Assert.StartsWith("GET /x HTTP/1.1\r\n", await (await server.AcceptAsync()).ReadHeadAsync());
    });

    [Fact]
    public void Subset_OnlyItsHostsAreCalled() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        using var first = new TestUpstream(loop);
        using var second = new TestUpstream(loop);
        Cluster cluster = TransportFixture.StaticCluster("c", first.Address, second.Address);
        cluster.LbSubsetConfig = new Cluster.Types.LbSubsetConfig
        {
            SubsetSelectors = { new Cluster.Types.LbSubsetConfig.Types.LbSubsetSelector { Keys = { "version" } } },
        };
        Envoy.Config.Core.V3.Metadata? last = null;
        int number = 1;
        foreach (LbEndpoint endpoint in cluster.LoadAssignment.Endpoints[0].LbEndpoints)
        {
            last = new Envoy.Config.Core.V3.Metadata();
            last.FilterMetadata["envoy.lb"] = new Struct { Fields = { ["version"] = Value.ForString($"v{number++}") } };
            endpoint.Metadata = last;
        }

        Assert.Empty(fixture.Apply(cluster));
        for (int i = 0; i < 4; i++)
        {
            Call(fixture, new AsyncTarget { Subset = SubsetMatch.From(last) });
            TestClient server = await second.AcceptAsync();
            await server.ReadHeadAsync();
        }
    });

    [Fact]
    public void Hash_TheSameGoesToTheSameHost() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        using var first = new TestUpstream(loop);
        using var second = new TestUpstream(loop);
        Cluster cluster = TransportFixture.StaticCluster("c", first.Address, second.Address);
        cluster.LbPolicy = Cluster.Types.LbPolicy.RingHash;
        Assert.Empty(fixture.Apply(cluster));
        Task<TestClient>[] accepted = [first.AcceptAsync(), second.AcceptAsync()];
        Call(fixture, new AsyncTarget { Hash = 12345 });
        Task<TestClient> chosen = await Task.WhenAny(accepted);
        TestUpstream same = chosen == accepted[0] ? first : second;
        for (int i = 0; i < 4; i++)
        {
            Call(fixture, new AsyncTarget { Hash = 12345 });
            await (await same.AcceptAsync()).ReadHeadAsync();
        }
    });

    [Fact]
    public void Scheme_OverTls_IsHttps() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        var tls = new DownstreamTlsContext
        {
            CommonTlsContext = new CommonTlsContext { TlsCertificates = { TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf("c.example")) } },
        };
        NetAddress server = bench.Apply(TlsMessages.Listener("up", TlsMessages.Chain("t", "c", tls)));
        Cluster cluster = TransportFixture.StaticCluster("secure", server);
        cluster.TransportSocket = TlsMessages.Socket(new UpstreamTlsContext
        {
            Sni = "c.example",
            CommonTlsContext = new CommonTlsContext
            {
                ValidationContext = new CertificateValidationContext { TrustedCa = TlsMessages.Text(TlsBench.Mesh.RootPem) },
            },
        });
        Assert.Empty(bench.Fixture.Apply(cluster));
        HeaderMap head = Call(bench.Fixture, AsyncTarget.Any, "secure");
        await TestPeers.UntilAsync(loop, () => head.Has(WellKnownHeader.Scheme));
        Assert.True(head[WellKnownHeader.Scheme].SequenceEqual("https"u8));
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void RequestTrailers_FollowTheBody(bool beforeTheConnection) => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        var stream = new AsyncHttpStream(bench.Worker, bench.Cluster, HttpProtocol.Http2, 0, new NoEvents());
        stream.Start(Head("POST"), end: false);
        var trailers = new HeaderMap();
        trailers.Add("x-sum"u8, "7"u8);
        Http2Peer? server = null;
        if (!beforeTheConnection)
        {
            server = await bench.AcceptAsync();
            Assert.False((await server.ReadHeadersAsync()).End);
        }

        Assert.True(stream.TrySend("body"u8, end: false));
        stream.SendTrailers(trailers);
        Assert.False(stream.TrySend("more"u8, end: true));
        if (server is null)
        {
            server = await bench.AcceptAsync();
            Assert.False((await server.ReadHeadersAsync()).End);
        }

        Assert.Equal("body", await server.ReadBodyAsync(4));
        (_, bool end, Dictionary<string, string> fields) = await server.ReadHeadersAsync();
        Assert.True(end);
        Assert.Equal("7", fields["x-sum"]);
        stream.Cancel();
    });

    private static HeaderMap Call(TransportFixture fixture, AsyncTarget target, string cluster = "c")
    {
        HeaderMap head = Head("GET");
        new AsyncHttpRequest(fixture.Workers.All[0], fixture.Context.Clusters.Reference(cluster), 0, 100, new NoEvents(), target).Start(head, default);
        return head;
    }

    private static HeaderMap Head(string method)
    {
        var head = new HeaderMap();
        head.Add(WellKnownHeader.Method, System.Text.Encoding.ASCII.GetBytes(method));
        head.Add(WellKnownHeader.Path, "/x"u8);
        head.Add(WellKnownHeader.Authority, "a"u8);
        return head;
    }

    private sealed class NoEvents : IAsyncHttpRequestEvents, IAsyncHttpEvents
    {
        public void OnResponse(int status, HeaderMap headers, ReadOnlySpan<byte> body)
        {
        }

        public void OnFailure(AsyncFailure failure)
        {
        }

        public void OnHeaders(int status, HeaderMap headers, bool end)
        {
        }

        public void OnData(ReadOnlySpan<byte> data, bool end)
        {
        }

        public void OnTrailers(HeaderMap trailers)
        {
        }

        public void OnFailed(AsyncFailure failure)
        {
        }

        public void OnWritable()
        {
        }
    }
}
