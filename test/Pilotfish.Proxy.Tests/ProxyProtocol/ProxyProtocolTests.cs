using System.Net;
using System.Net.Sockets;
using System.Text;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.TransportSockets.ProxyProtocol.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;
using Message = Envoy.Extensions.Filters.Listener.ProxyProtocol.V3.ProxyProtocol;

namespace Pilotfish.Proxy.Tests.ProxyProtocol;

/// <summary>The PROXY protocol through a listener and through a cluster, and addresses that upstreams see.</summary>
public sealed class ProxyProtocolTests
{
    private const string Claimed = "192.0.2.7:4711";
    private const string ClaimedDestination = "198.51.100.9:80";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Header_IsTakenOffAndToldToTheUpstream(int version) => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        List<byte> seen = Recorder(loop, out NetAddress upstream);
        fixture.Apply(Sending("c", upstream, version == 1 ? ProxyProtocolConfig.Types.Version.V1 : ProxyProtocolConfig.Types.Version.V2));
        fixture.Apply(Listening("l", "c", new Message()));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        byte[] header = Header(version);
        foreach (byte one in header)
        {
            await client.SendAsync(new[] { one });
            await loop.YieldAsync();
        }

        await client.SendAsync("hello"u8.ToArray());
        await TestPeers.UntilAsync(loop, () => seen.Count == header.Length + 5);
        Assert.Equal([.. header, .. "hello"u8], seen);
        Assert.Equal(1, Counter(fixture, $"versions.v{version}.found"));
        client.Close();
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Header_Missing_IsAllowedOrNot(bool allowed) => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", TestPeers.Echo(loop).LocalAddress));
        fixture.Apply(Listening("l", "c", new Message { AllowRequestsWithoutProxyProtocol = allowed }));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync("PRXY of another kind"u8.ToArray());
        Assert.Equal(allowed ? "PRXY" : "", await TestPeers.ReceiveTextAsync(client, 4));
        Assert.Equal(1, Counter(fixture, allowed ? "not_found_allowed" : "not_found_disallowed"));
        client.Close();
    });

    [Fact]
    public void Version_Disallowed_ClosesTheConnection() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", TestPeers.Echo(loop).LocalAddress));
        fixture.Apply(Listening("l", "c", new Message { DisallowedVersions = { ProxyProtocolConfig.Types.Version.V1 } }));
        SocketStream first = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await first.SendAsync(Header(1));
        Assert.Equal("", await TestPeers.ReceiveTextAsync(first, 1));
        SocketStream second = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await second.SendAsync((byte[])[.. Header(2), .. "ping"u8]);
        Assert.Equal("ping", await TestPeers.ReceiveTextAsync(second, 4));
        Assert.Equal(1, Counter(fixture, "versions.v1.disallowed"));
        second.Close();
    });

    [Fact]
    public void Tlv_LongerThanTheHeader_EndsTheConnection() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", TestPeers.Echo(loop).LocalAddress));
        fixture.Apply(Listening("l", "c", new Message()));
        byte[] header = ProxyHeaderWriter.Version2(NetAddress.Parse(Claimed), NetAddress.Parse(ClaimedDestination), [new(1, [1, 2, 3])], out _);
        header[^4] = 9;
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync(header);
        Assert.Equal("", await TestPeers.ReceiveTextAsync(client, 1));
        Assert.Equal(1, Counter(fixture, "versions.v2.error"));
        client.Close();
    });

    [Fact]
    public void Tlvs_PassThroughAndAdded_ReachTheUpstreamOnce() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        List<byte> seen = Recorder(loop, out NetAddress upstream);
        var all = new ProxyProtocolPassThroughTLVs { MatchType = ProxyProtocolPassThroughTLVs.Types.PassTLVsMatchType.IncludeAll };
        fixture.Apply(Sending("c", upstream, ProxyProtocolConfig.Types.Version.V2, config =>
        {
            config.PassThroughTlvs = all;
            config.AddedTlvs.Add(new TlvEntry { Type = 0xE0, Value = ByteString.CopyFromUtf8("ours") });
        }));
        fixture.Apply(Listening("l", "c", new Message
        {
            PassThroughTlvs = new ProxyProtocolPassThroughTLVs
            {
                MatchType = ProxyProtocolPassThroughTLVs.Types.PassTLVsMatchType.Include, TlvType = { 0xE0, 0xEA },
            },
        }));
        NetAddress source = NetAddress.Parse(Claimed);
        NetAddress destination = NetAddress.Parse(ClaimedDestination);
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync(ProxyHeaderWriter.Version2(
            source, destination, [new(0xE0, [.. "theirs"u8]), new(0xEA, [7]), new(0x05, [1])], out _));
        await client.SendAsync("x"u8.ToArray());
        byte[] expected = ProxyHeaderWriter.Version2(source, destination, [new(0xE0, [.. "ours"u8]), new(0xEA, [7])], out _);
        await TestPeers.UntilAsync(loop, () => seen.Count == expected.Length + 1);
        Assert.Equal([.. expected, (byte)'x'], seen);
        client.Close();
    });

    [Fact]
    public void Configuration_FilterStateOrMissingInner_IsRejected() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Assert.Contains("tlv_location", Assert.Single(fixture.Apply(
            Listening("l", "c", new Message { TlvLocation = Message.Types.TlvLocation.FilterState }))).Reason, StringComparison.Ordinal);
        Cluster cluster = TransportFixture.StaticCluster("c", NetAddress.Loopback(1));
        cluster.TransportSocket = new TransportSocket { Name = "pp", TypedConfig = Any.Pack(new ProxyProtocolUpstreamTransport()) };
        Assert.Contains("transport_socket", Assert.Single(fixture.Apply(cluster)).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    /// <summary>
    /// The client of a PROXY header connects to the upstream from its own address: packets with that source leave this namespace,
    /// by a route that only marked ones have, and the answers come back to it.
    /// </summary>
    [Fact]
    public void OriginalSource_UpstreamSeesTheClientsAddress_ByMarkedPackets()
    {
        using TestNamespace proxy = TestNamespace.Create();
        using TestNamespace server = TestNamespace.Create();
        TestNamespace.Join(proxy, ["10.9.0.1/24"], server, ["10.9.0.2/24"]);
        server.Run("ip", "address", "add", "10.50.0.2/32", "dev", "lo");
        server.Run("ip", "route", "add", "192.0.2.0/24", "via", "10.9.0.1");
        proxy.Run("ip", "rule", "add", "fwmark", "123", "lookup", "200");
        proxy.Run("ip", "route", "add", "10.50.0.0/24", "via", "10.9.0.2", "table", "200");
        proxy.Run("ip", "route", "add", "local", "192.0.2.0/24", "dev", "lo", "table", "100");
        proxy.Run("ip", "rule", "add", "to", "192.0.2.0/24", "lookup", "100");
        using TcpListener upstream = server.Enter().Run(() =>
        {
            var listener = new TcpListener(IPAddress.Parse("10.50.0.2"), 0);
            listener.Start();
            return listener;
        });
        proxy.Enter().Run(() =>
        {
            LoopRunner.Run(loop => ConnectFromClaimedAddressAsync(loop, upstream));
            return true;
        });
    }

    private static async Task ConnectFromClaimedAddressAsync(EventLoop loop, TcpListener upstream)
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", NetAddress.Parse(upstream.LocalEndpoint.ToString()!)));
        Listener listener = Listening("l", "c", new Message());
        listener.ListenerFilters.Add(new Envoy.Config.Listener.V3.ListenerFilter
        {
            Name = "envoy.filters.listener.original_src",
            TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Listener.OriginalSrc.V3.OriginalSrc { Mark = 123 }),
        });
        Assert.Empty(fixture.Apply(listener));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync(Header(2));
        using Socket accepted = await upstream.AcceptSocketAsync();
        var remote = (IPEndPoint)accepted.RemoteEndPoint!;
        Assert.Equal("192.0.2.7", remote.Address.ToString());
        Assert.NotEqual(4711, remote.Port);
        await client.SendAsync("ping"u8.ToArray());
        byte[] buffer = new byte[4];
        Assert.Equal(4, await accepted.ReceiveAsync(buffer));
        await accepted.SendAsync("pong"u8.ToArray());
        Assert.Equal("pong", await TestPeers.ReceiveTextAsync(client, 4));
        client.Close();
    }

    private static byte[] Header(int version) => version == 1
        ? Encoding.ASCII.GetBytes("PROXY TCP4 192.0.2.7 198.51.100.9 4711 80\r\n")
        : ProxyHeaderWriter.Version2(NetAddress.Parse(Claimed), NetAddress.Parse(ClaimedDestination), [], out _);

    private static long Counter(TransportFixture fixture, string name) =>
        fixture.Stats.Value(fixture.Stats.Scope("proxy_proto").Counter(name));

    private static Listener Listening(string name, string cluster, Message filter)
    {
        Listener listener = TransportFixture.TcpListener(name, cluster);
        listener.ListenerFilters.Add(new Envoy.Config.Listener.V3.ListenerFilter
        {
            Name = "envoy.filters.listener.proxy_protocol", TypedConfig = Any.Pack(filter),
        });
        return listener;
    }

    private static Cluster Sending(
        string name, NetAddress upstream, ProxyProtocolConfig.Types.Version version, Action<ProxyProtocolConfig>? more = null)
    {
        var config = new ProxyProtocolConfig { Version = version };
        more?.Invoke(config);
        Cluster cluster = TransportFixture.StaticCluster(name, upstream);
        cluster.TransportSocket = new TransportSocket
        {
            Name = "envoy.transport_sockets.upstream_proxy_protocol",
            TypedConfig = Any.Pack(new ProxyProtocolUpstreamTransport
            {
                Config = config,
                TransportSocket = new TransportSocket
                {
                    Name = "envoy.transport_sockets.raw_buffer",
                    TypedConfig = Any.Pack(new Envoy.Extensions.TransportSockets.RawBuffer.V3.RawBuffer()),
                },
            }),
        };
        return cluster;
    }

    private static List<byte> Recorder(EventLoop loop, out NetAddress address)
    {
        var seen = new List<byte>();
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        address = listener.LocalAddress;
        TestPeers.Serve(listener, async stream =>
        {
            byte[] buffer = new byte[4096];
            while (await stream.ReceiveAsync(buffer) is { IsOk: true, IsEnd: false } result)
            {
                seen.AddRange(buffer.AsSpan(0, result.Bytes));
            }

            stream.Close();
        });
        return seen;
    }
}
