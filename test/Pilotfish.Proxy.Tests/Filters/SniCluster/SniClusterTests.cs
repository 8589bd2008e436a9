using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Tls;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Filters.SniCluster;

/// <summary>TLS that is passed on to the cluster which the client's server name names, as gateways between networks do.</summary>
public sealed class SniClusterTests
{
    private const string Named = "outbound_.80_._.svc.example";

    [Fact]
    public void ServerName_NamesTheCluster_AndPlaintextKeepsTheConfiguredOne() => LoopRunner.Run(async loop =>
    {
        (TransportFixture fixture, NetAddress address) = Serve(loop);
        Cluster named = TransportFixture.StaticCluster(Named, TestPeers.Greeter(loop, "by its name").LocalAddress);
        fixture.Apply(named);
        SocketStream tls = await TestPeers.ConnectAsync(loop, address);
        await tls.SendAsync(Listeners.ClientHellos.Create(Named, []));
        Assert.Equal("by its name", await TestPeers.ReceiveTextAsync(tls, 11));
        tls.Close();

        SocketStream plain = await TestPeers.ConnectAsync(loop, address);
        await plain.SendAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        Assert.Equal("configured", await TestPeers.ReceiveTextAsync(plain, 10));
        plain.Close();
    });

    [Fact]
    public void ServerName_WithoutACluster_ClosesTheConnectionAndCounts() => LoopRunner.Run(async loop =>
    {
        (TransportFixture fixture, NetAddress address) = Serve(loop);
        SocketStream client = await TestPeers.ConnectAsync(loop, address);
        await client.SendAsync(Listeners.ClientHellos.Create("nobody.example", []));
        Assert.False((await TestPeers.EndAsync(client)).Bytes > 0);
        Assert.Equal(1, fixture.Counter("tcp.t.downstream_cx_no_route"));
        client.Close();
    });

    // The endpoints that metadata_match asks for are those of the named cluster, too.
    [Fact]
    public void MetadataMatch_CountsForTheNamedCluster() => LoopRunner.Run(async loop =>
    {
        Metadata wanted = Labels("v", "two");
        (TransportFixture fixture, NetAddress address) = Serve(loop, wanted);
        Cluster named = TransportFixture.StaticCluster(
            Named, TestPeers.Greeter(loop, "one").LocalAddress, TestPeers.Greeter(loop, "two").LocalAddress);
        named.LbSubsetConfig = new() { SubsetSelectors = { new Cluster.Types.LbSubsetConfig.Types.LbSubsetSelector { Keys = { "v" } } } };
        named.LoadAssignment.Endpoints[0].LbEndpoints[0].Metadata = Labels("v", "one");
        named.LoadAssignment.Endpoints[0].LbEndpoints[1].Metadata = wanted;
        Assert.Empty(fixture.Apply(named));
        for (int i = 0; i < 4; i++)
        {
            SocketStream client = await TestPeers.ConnectAsync(loop, address);
            await client.SendAsync(Listeners.ClientHellos.Create(Named, []));
            Assert.Equal("two", await TestPeers.ReceiveTextAsync(client, 3));
            client.Close();
        }
    });

    private static Metadata Labels(string key, string value) => new()
    {
        FilterMetadata = { ["envoy.lb"] = new Struct { Fields = { [key] = Value.ForString(value) } } },
    };

    private static (TransportFixture Fixture, NetAddress Address) Serve(EventLoop loop, Metadata? match = null)
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("configured", TestPeers.Greeter(loop, "configured").LocalAddress));
        Listener listener = TransportFixture.TcpListener("l", "configured");
        listener.ListenerFilters.Add(TlsMessages.TlsInspector());
        listener.FilterChains[0].Filters[0] = TransportFixture.Tcp("configured", proxy => proxy.MetadataMatch = match);
        listener.FilterChains[0].Filters.Insert(0, new Envoy.Config.Listener.V3.Filter
        {
            Name = "envoy.filters.network.sni_cluster",
            TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Network.SniCluster.V3.SniCluster()),
        });
        Assert.Empty(fixture.Apply(listener));
        return (fixture, fixture.AddressOf("l"));
    }
}
