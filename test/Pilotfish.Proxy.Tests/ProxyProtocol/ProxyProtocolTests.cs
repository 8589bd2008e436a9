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
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Interop;
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

    [Fact]
    public void Header_IsTakenOff_WhereTheFirstChainAsksForIt() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        List<byte> seen = Recorder(loop, out NetAddress upstream);
        fixture.Apply(TransportFixture.StaticCluster("c", upstream));
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.FilterChains[0].UseProxyProto = true;
        Assert.Empty(fixture.Apply(listener));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync((byte[])[.. Header(1), .. "hello"u8]);
        await TestPeers.UntilAsync(loop, () => seen.Count == 5);

        Assert.Equal("hello"u8.ToArray(), seen);
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

    /// <summary>tlv_location FILTER_STATE: one object, whose parts have the rules' keys.</summary>
    [Fact]
    public void Tlvs_InTheFilterState_AreFoundByTheirKeys() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        var records = new List<string>();
        fixture.Context.Extensions.Register<Pilotfish.Proxy.AccessLogs.IAccessLoggerFactory>(new Tunnels.FormattedRecordFactory(records));
        fixture.Apply(TransportFixture.StaticCluster("c", TestPeers.Echo(loop).LocalAddress));
        Listener listener = Listening("l", "c", new Message
        {
            TlvLocation = Message.Types.TlvLocation.FilterState,
            Rules =
            {
                new Message.Types.Rule { TlvType = 0xE1, OnTlvPresent = new Message.Types.KeyValuePair { Key = "vpc" } },
                new Message.Types.Rule { TlvType = 0xE2, OnTlvPresent = new Message.Types.KeyValuePair { Key = "absent" } },
            },
        });
        listener.FilterChains[0].Filters[0] = TransportFixture.Tcp("c", static tcp => tcp.AccessLog.Add(Tunnels.TunnelBench.Log(
            "%FILTER_STATE(envoy.network.proxy_protocol.tlv:FIELD:vpc)% %FILTER_STATE(envoy.network.proxy_protocol.tlv:FIELD:absent)% "
            + "%DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol:vpc)%")));
        Assert.Empty(fixture.Apply(listener));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync(ProxyHeaderWriter.Version2(
            NetAddress.Parse(Claimed), NetAddress.Parse(ClaimedDestination), [new(0xE1, [.. "vpc-7"u8])], out _));
        client.ShutdownSend();
        Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        await TestPeers.UntilAsync(loop, () => records.Count == 1);

        Assert.Equal("vpc-7 - -", records[0]);
        client.Close();
    });

    /// <summary>tcp_proxy's TLVs take the place of those that a client without a header of its own could not send.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tlvs_OfTcpProxy_AreForClientsWithoutAHeader(bool hasHeader) => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        List<byte> seen = Recorder(loop, out NetAddress upstream);
        fixture.Apply(Sending("c", upstream, ProxyProtocolConfig.Types.Version.V2, config =>
        {
            config.PassThroughTlvs = new ProxyProtocolPassThroughTLVs
            {
                MatchType = ProxyProtocolPassThroughTLVs.Types.PassTLVsMatchType.Include, TlvType = { 0xE0, 0xE1 },
            };
            config.AddedTlvs.Add(new TlvEntry { Type = 0xE5, FormatString = new SubstitutionFormatString { TextFormat = "to %UPSTREAM_CLUSTER%" } });
        }));
        Listener listener = Listening("l", "c", new Message { AllowRequestsWithoutProxyProtocol = true });
        listener.FilterChains[0].Filters[0] = TransportFixture.Tcp("c", static tcp =>
        {
            tcp.ProxyProtocolTlvs.Add(new TlvEntry { Type = 0xE0, Value = ByteString.CopyFromUtf8("fixed") });
            tcp.ProxyProtocolTlvs.Add(new TlvEntry
            {
                Type = 0xE1, FormatString = new SubstitutionFormatString { TextFormat = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" },
            });
            tcp.ProxyProtocolTlvs.Add(new TlvEntry { Type = 0xE2, Value = ByteString.CopyFromUtf8("not passed") });
        });
        Assert.Empty(fixture.Apply(listener));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        ProxyTlv[] added = [new(0xE5, [.. "to c"u8])];
        byte[] expected = hasHeader
            ? ProxyHeaderWriter.Version2(NetAddress.Parse(Claimed), NetAddress.Parse(ClaimedDestination), added, out _)
            : ProxyHeaderWriter.Version2(client.LocalAddress, client.RemoteAddress,
                [.. added, new(0xE0, [.. "fixed"u8]), new(0xE1, [.. "127.0.0.1"u8])], out _);
        await client.SendAsync((byte[])[.. hasHeader ? Header(2) : [], .. "application data, no header"u8]);
        await TestPeers.UntilAsync(loop, () => seen.Count == expected.Length + 27);

        Assert.Equal(expected, seen.GetRange(0, expected.Length));
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
    public void Tlvs_OfTheEndpoint_WinOverTheClusters_AndSeveralOfATypeStay() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        List<byte> seen = Recorder(loop, out NetAddress upstream);
        Cluster cluster = Sending("c", upstream, ProxyProtocolConfig.Types.Version.V2, config =>
        {
            config.PassThroughTlvs = new ProxyProtocolPassThroughTLVs { MatchType = ProxyProtocolPassThroughTLVs.Types.PassTLVsMatchType.IncludeAll };
            config.AddedTlvs.Add(Tlv(0xE0, "cluster"));
            config.AddedTlvs.Add(Tlv(0xE1, "one"));
            config.AddedTlvs.Add(Tlv(0xE1, "two"));
        });
        var own = new PerHostConfig { AddedTlvs = { Tlv(0xE0, "endpoint"), Tlv(0xE2, "more") } };
        own.AddedTlvs.Add(new TlvEntry
        {
            Type = 0xE3, FormatString = new() { TextFormatSource = new DataSource { InlineString = "%UPSTREAM_CLUSTER%" } },
        });
        cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].Metadata = new Metadata
        {
            TypedFilterMetadata = { ["envoy.transport_sockets.proxy_protocol"] = Any.Pack(own) },
        };
        Assert.Empty(fixture.Apply(cluster));
        fixture.Apply(Listening("l", "c", new Message { PassThroughTlvs = new() { MatchType = ProxyProtocolPassThroughTLVs.Types.PassTLVsMatchType.IncludeAll } }));
        NetAddress source = NetAddress.Parse(Claimed);
        NetAddress destination = NetAddress.Parse(ClaimedDestination);
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync(ProxyHeaderWriter.Version2(
            source, destination, [new(0xE2, [.. "theirs"u8]), new(0xEA, [7]), new(0xEA, [8])], out _));
        await client.SendAsync("x"u8.ToArray());
        byte[] expected = ProxyHeaderWriter.Version2(
            source, destination,
            [
                new(0xE0, [.. "endpoint"u8]), new(0xE2, [.. "more"u8]), new(0xE3, [.. "c"u8]), new(0xE1, [.. "one"u8]), new(0xE1, [.. "two"u8]),
                new(0xEA, [7]), new(0xEA, [8]),
            ],
            out _);
        await TestPeers.UntilAsync(loop, () => seen.Count == expected.Length + 1);
        Assert.Equal([.. expected, (byte)'x'], seen);
        client.Close();

        own.AddedTlvs[0].Type = 256;
        cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].Metadata.TypedFilterMetadata["envoy.transport_sockets.proxy_protocol"] = Any.Pack(own);
        Assert.Contains(
            "lb_endpoints[0].metadata.typed_filter_metadata[envoy.transport_sockets.proxy_protocol].added_tlvs[0].type",
            Assert.Single(fixture.Apply(cluster)).Reason, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Version_Disallowed_WhereHeadersMayBeMissing_IsPassedOnUntouched(int version) => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        List<byte> seen = Recorder(loop, out NetAddress upstream);
        fixture.Apply(TransportFixture.StaticCluster("c", upstream));
        fixture.Apply(Listening("l", "c", new Message
        {
            AllowRequestsWithoutProxyProtocol = true,
            DisallowedVersions = { version == 1 ? ProxyProtocolConfig.Types.Version.V1 : ProxyProtocolConfig.Types.Version.V2 },
            StatPrefix = "front",
        }));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync(Header(version));
        await TestPeers.UntilAsync(loop, () => seen.Count == Header(version).Length);
        Assert.Equal(Header(version), seen);
        Assert.Equal(1, Counter(fixture, $"versions.v{version}.disallowed", "proxy_proto.front"));
        client.Close();
    });

    [Fact]
    public void Tlvs_WithRules_BecomeMetadataOfTheConnection() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", TestPeers.Echo(loop).LocalAddress));
        Listener listener = Listening("l", "c", new Message
        {
            Rules =
            {
                new Message.Types.Rule { TlvType = 0xEA, OnTlvPresent = new Message.Types.KeyValuePair { Key = "vpce" } },
                new Message.Types.Rule { TlvType = 0x02, OnTlvPresent = new Message.Types.KeyValuePair { Key = "authority" } },
                new Message.Types.Rule { TlvType = 0x05, OnTlvPresent = new Message.Types.KeyValuePair { Key = "id", MetadataNamespace = "mine" } },
                new Message.Types.Rule { TlvType = 0x06, OnTlvPresent = new Message.Types.KeyValuePair { Key = "absent" } },
            },
        });
        listener.FilterChains[0].Filters[0] = TransportFixture.Tcp("c", static proxy => proxy.AccessLog.Add(
            new Envoy.Config.Accesslog.V3.AccessLog { Name = "record", TypedConfig = Any.Pack(new Google.Protobuf.WellKnownTypes.StringValue()) }));
        Assert.Empty(fixture.Apply(listener));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync(ProxyHeaderWriter.Version2(
            NetAddress.Parse(Claimed), NetAddress.Parse(ClaimedDestination),
            [new(0xEA, [.. "vpce-1"u8]), new(0x02, [.. "a.test"u8]), new(0x05, []), new(0x07, [1])], out _));
        await client.SendAsync("ping"u8.ToArray());
        Assert.Equal("ping", await TestPeers.ReceiveTextAsync(client, 4));
        client.Close();
        await TestPeers.UntilAsync(loop, () => fixture.Infos.Count == 1);
        DynamicMetadata metadata = fixture.Infos[0].Metadata!;
        MetadataValue values = metadata.Get("envoy.filters.listener.proxy_protocol")!;
        Assert.Equal(("vpce-1", "a.test"), (values.Field("vpce")!.Text, values.Field("authority")!.Text));
        Assert.Null(values.Field("absent"));
        Assert.Equal("", metadata.Get("mine", ["id"])!.Text);
    });

    [Fact]
    public void Types_BeyondAByte_AreRefusedByField() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        var rule = new Message.Types.Rule { TlvType = 256, OnTlvPresent = new Message.Types.KeyValuePair { Key = "k" } };
        Assert.Equal("listener_filters[0].typed_config.rules[0].tlv_type: 256 is not between 0 and 255", Refused(new Message { Rules = { rule } }));
        rule.TlvType = 1;
        rule.OnTlvPresent.Key = "";
        Assert.Equal("listener_filters[0].typed_config.rules[0].on_tlv_present.key: it names no key for the value", Refused(new Message { Rules = { rule } }));
        Assert.Equal("listener_filters[0].typed_config.pass_through_tlvs.tlv_type[1]: 300 is not between 0 and 255", Refused(
            new Message { PassThroughTlvs = new ProxyProtocolPassThroughTLVs { TlvType = { 1, 300 } } }));
        Cluster cluster = Sending("c", NetAddress.Loopback(1), ProxyProtocolConfig.Types.Version.V2, static config =>
            config.AddedTlvs.Add(new TlvEntry { Type = 256 }));
        Assert.EndsWith("config.added_tlvs[0].type: 256 is not between 0 and 255", Assert.Single(fixture.Apply(cluster)).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;

        string Refused(Message filter) => Assert.Single(fixture.Apply(Listening("l", "c", filter))).Reason;
    });

    /// <summary>
    /// As with Istio's TPROXY mode: packets of a client to a server elsewhere are given to the transparent listener of a machine between
    /// the two, which connects on from the client's address; answers to that address come back to it by their mark.
    /// </summary>
    [Fact]
    public void Tproxy_ListenerAndUpstream_AreTransparentToBothSides()
    {
        const int ListenerPort = 15001;
        Prerequisite.Program("iptables");
        using TestNamespace client = TestNamespace.Create();
        using TestNamespace proxy = TestNamespace.Create();
        using TestNamespace server = TestNamespace.Create();
        TestNamespace.Join(proxy, ["10.9.0.1/24"], server, ["10.9.0.2/24"]);
        proxy.Run("ip", "link", "set", "eth0", "down");
        proxy.Run("ip", "link", "set", "eth0", "name", "upstream");
        proxy.Run("ip", "link", "set", "upstream", "up");
        TestNamespace.Join(proxy, ["10.8.0.1/24"], client, ["10.8.0.2/24"]);
        client.Run("ip", "route", "add", "default", "via", "10.8.0.1");
        server.Run("ip", "route", "add", "default", "via", "10.9.0.1");
        foreach (string all in (string[])["all", "default", "eth0", "upstream"])
        {
            proxy.Run("sh", "-c", $"echo 0 > /proc/sys/net/ipv4/conf/{all}/rp_filter; echo 0 > /proc/sys/net/ipv4/ip_forward");
        }

        proxy.Run("ip", "rule", "add", "fwmark", "1337", "lookup", "133");
        proxy.Run("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "133");
        proxy.Run("iptables", "-t", "mangle", "-A", "PREROUTING", "-p", "tcp", "-m", "socket", "--transparent", "-j", "MARK", "--set-mark", "1337");
        proxy.Run("iptables", "-t", "mangle", "-A", "PREROUTING", "-p", "tcp", "-m", "socket", "--transparent", "-j", "ACCEPT");
        proxy.Run(
            "iptables", "-t", "mangle", "-A", "PREROUTING", "-i", "eth0", "-p", "tcp", "-j", "TPROXY", "--on-port", $"{ListenerPort}",
            "--tproxy-mark", "1337");
        using TcpListener upstream = server.Enter().Run(() =>
        {
            var listener = new TcpListener(IPAddress.Parse("10.9.0.2"), 80);
            listener.Start();
            return listener;
        });
        NetworkNamespaceThread outside = client.Enter();
        proxy.Enter().Run(() =>
        {
            LoopRunner.Run(loop => PassTransparentlyAsync(loop, outside, upstream, ListenerPort));
            return true;
        });
    }

    [Fact]
    public void Configuration_UnknownPlaceOrMissingInner_IsRejected() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Assert.Contains("tlv_location: 7 is neither", Assert.Single(fixture.Apply(
            Listening("l", "c", new Message { TlvLocation = (Message.Types.TlvLocation)7 }))).Reason, StringComparison.Ordinal);
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

    private static async Task PassTransparentlyAsync(EventLoop loop, NetworkNamespaceThread outside, TcpListener upstream, ushort port)
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(new Cluster
        {
            Name = "orig",
            Type = Cluster.Types.DiscoveryType.OriginalDst,
            LbPolicy = Cluster.Types.LbPolicy.ClusterProvided,
            ConnectTimeout = new Duration { Seconds = 5 },
        });
        Listener listener = TransportFixture.TcpListener("l", "orig", NetAddress.IPv4(0, port));
        listener.StatPrefix = "l";
        listener.Transparent = true;
        listener.ListenerFilters.Add(new Envoy.Config.Listener.V3.ListenerFilter
        {
            Name = "envoy.filters.listener.original_dst", TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Listener.OriginalDst.V3.OriginalDst()),
        });
        listener.ListenerFilters.Add(new Envoy.Config.Listener.V3.ListenerFilter
        {
            Name = "envoy.filters.listener.original_src",
            TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Listener.OriginalSrc.V3.OriginalSrc { Mark = 7 }),
        });
        Assert.Empty(fixture.Apply(listener));

        using Socket client = outside.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        await client.ConnectAsync(IPAddress.Parse("10.9.0.2"), 80);
        using Socket accepted = await upstream.AcceptSocketAsync();
        Assert.Equal("10.8.0.2", ((IPEndPoint)accepted.RemoteEndPoint!).Address.ToString());
        Assert.Equal(1, Counter(fixture, "downstream_cx_total", "listener.l"));
        await client.SendAsync("ping"u8.ToArray());
        byte[] buffer = new byte[4];
        Assert.Equal(4, await accepted.ReceiveAsync(buffer));
        await accepted.SendAsync("pong"u8.ToArray());
        Assert.Equal(4, await client.ReceiveAsync(buffer));
        Assert.Equal("pong", Encoding.ASCII.GetString(buffer));
    }

    private static TlvEntry Tlv(uint type, string value) => new() { Type = type, Value = ByteString.CopyFromUtf8(value) };

    private static byte[] Header(int version) => version == 1
        ? Encoding.ASCII.GetBytes("PROXY TCP4 192.0.2.7 198.51.100.9 4711 80\r\n")
        : ProxyHeaderWriter.Version2(NetAddress.Parse(Claimed), NetAddress.Parse(ClaimedDestination), [], out _);

    private static long Counter(TransportFixture fixture, string name, string scope = "proxy_proto") =>
        fixture.Stats.Value(fixture.Stats.Scope(scope).Counter(name));

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
