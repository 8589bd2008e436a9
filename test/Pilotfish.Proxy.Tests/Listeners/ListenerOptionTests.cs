using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Type.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Listeners;

/// <summary>Fields of listeners, of their chains' matches and of their listener filters, as a control plane sends them.</summary>
public sealed class ListenerOptionTests
{
    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(null, false)]
    public void Freebind_TakesAnAddressThatTheHostHasNot(bool? free, bool works) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c", NetAddress.Parse("192.0.2.1:0"));
        listener.Freebind = free;
        Assert.Equal(works, fixture.Apply(listener).Count == 0);
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData(true, true)]
    [InlineData(null, true)]
    [InlineData(false, false)]
    public void EnableReusePort_LetsOthersListenThereToo(bool? reuse, bool works) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.EnableReusePort = reuse;
        Assert.Empty(fixture.Apply(listener));
        IoError error = ListenSocket.TryListen(loop, fixture.AddressOf("l"), new ListenSocketOptions { ReusePort = true }, out ListenSocket? other);
        Assert.Equal(works, error == IoError.None);
        other?.Close();
        return Task.CompletedTask;
    });

    [Fact]
    public void WithoutReusePort_AnAddressThatCannotBeBoundIsRefused() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c", NetAddress.Parse("192.0.2.1:0"));
        listener.EnableReusePort = false;
        Assert.Contains("cannot bind '192.0.2.1:0'", Assert.Single(fixture.Apply(listener)).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    /// <summary>The new socket cannot be opened beside the old, which has to go on serving.</summary>
    [Fact]
    public void WithoutReusePort_OtherOptionsAtTheSameAddressAreRefused() => LoopRunner.Run(async loop =>
    {
        NetAddress address;
        var probe = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        address = probe.LocalAddress;
        probe.Close();
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c", address);
        listener.EnableReusePort = false;
        Assert.Empty(fixture.Apply(listener));
        listener.TcpBacklogSize = 16;
        Assert.Contains("the address is in use", Assert.Single(fixture.Apply(listener)).Reason, StringComparison.Ordinal);
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync("127.0.0.1", address.Port);

        // Removed and replaced by another at once, it makes room.
        Listener other = listener.Clone();
        other.Name = "m";
        var rejected = new List<RejectedResource>();
        fixture.Listeners.Apply([new ResourceUpdate("m", Google.Protobuf.MessageExtensions.ToByteArray(other), "2")], ["l"], rejected);
        Assert.Empty(rejected);
        using var second = new System.Net.Sockets.TcpClient();
        await second.ConnectAsync("127.0.0.1", address.Port);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void BindToPort_False_OpensNoSocketByEitherField(bool former) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.BindToPort = former ? null : false;
        listener.DeprecatedV1 = former ? new Listener.Types.DeprecatedV1 { BindToPort = false } : null;
        Assert.Empty(fixture.Apply(listener));
        Assert.Empty(fixture.Listeners.BoundAddresses("l"));
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void Ipv4Compat_TakesIPv4AtTheWildcard(bool compat, bool works) => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c", NetAddress.Parse("[::]:0"));
        listener.Address.SocketAddress.Ipv4Compat = compat;
        listener.StatPrefix = "l";
        Assert.Empty(fixture.Apply(listener));
        int port = fixture.AddressOf("l").Port;

        // Where IPv4 has the port left, somebody else may listen on it. What reached this listener is told by its count, in the order of
        // its queue: when the second client is counted, the first was, too.
        using var first = new System.Net.Sockets.TcpClient(System.Net.Sockets.AddressFamily.InterNetwork);
        using var second = new System.Net.Sockets.TcpClient(System.Net.Sockets.AddressFamily.InterNetworkV6);
        try
        {
            await first.ConnectAsync("127.0.0.1", port);
        }
        catch (System.Net.Sockets.SocketException) when (!works)
        {
            // Nobody else does.
        }

        await second.ConnectAsync("::1", port);
        await TestPeers.UntilAsync(loop, () => fixture.Counter("listener.l.downstream_cx_total") >= (works ? 2 : 1));
        Assert.Equal(works ? 2 : 1, fixture.Counter("listener.l.downstream_cx_total"));
    });

    [Fact]
    public void OtherKindsOfListener_AreRefused() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Refused(fixture, "UDP and API listeners", static l => l.UdpListenerConfig = new UdpListenerConfig());
        Refused(fixture, "UDP and API listeners", static l => l.ApiListener = new ApiListener());
        Refused(fixture, "internal_listener", static l => l.InternalListener = new Listener.Types.InternalListenerConfig());
        Refused(fixture, "address_suffix", static l => l.FilterChains[0].FilterChainMatch = new FilterChainMatch { AddressSuffix = "1" });
        Refused(fixture, "address_suffix", static l => l.FilterChains[0].FilterChainMatch = new FilterChainMatch { SuffixLen = 8 });
        Refused(fixture, "destination_port", static l => l.FilterChains[0].FilterChainMatch = new FilterChainMatch { DestinationPort = 65616 });
        Refused(fixture, "source_ports", static l => l.FilterChains[0].FilterChainMatch = new FilterChainMatch { SourcePorts = { 65616 } });
        Refused(fixture, "destination_port", static l => l.FilterChains[0].FilterChainMatch = new FilterChainMatch { DestinationPort = 0 });
        Refused(fixture, "source_ports", static l => l.FilterChains[0].FilterChainMatch = new FilterChainMatch { SourcePorts = { 0 } });
        Refused(fixture, "source_type", static l =>
            l.FilterChains[0].FilterChainMatch = new FilterChainMatch { SourceType = (FilterChainMatch.Types.ConnectionSourceType)7 });
        return Task.CompletedTask;
    });

    [Fact]
    public void Match_OfTheSource_IsReadFieldByField()
    {
        var index = new FilterChainIndex();
        Add(index, "direct", new FilterChainMatch { DirectSourcePrefixRanges = { Range("198.51.100.0", 24) } });
        Add(index, "local", new FilterChainMatch { SourceType = FilterChainMatch.Types.ConnectionSourceType.SameIpOrLoopback });
        Add(index, "external", new FilterChainMatch { SourceType = FilterChainMatch.Types.ConnectionSourceType.External });
        Add(index, "prefix", new FilterChainMatch
        {
            SourceType = FilterChainMatch.Types.ConnectionSourceType.External,
            SourcePrefixRanges = { Range("192.0.2.0", 24) },
        });
        Add(index, "port", new FilterChainMatch
        {
            SourceType = FilterChainMatch.Types.ConnectionSourceType.External,
            SourcePrefixRanges = { Range("192.0.2.0", 24) },
            SourcePorts = { 5555 },
        });
        Assert.Equal("local", Find(index, "127.0.0.1:9", "127.0.0.1:9"));
        Assert.Equal("external", Find(index, "203.0.113.1:9", "203.0.113.1:9"));
        Assert.Equal("prefix", Find(index, "192.0.2.7:9", "192.0.2.7:9"));
        Assert.Equal("port", Find(index, "192.0.2.7:5555", "192.0.2.7:5555"));
        Assert.Equal("direct", Find(index, "192.0.2.7:5555", "198.51.100.3:9"));
    }

    [Fact]
    public void FilterDisabled_IsAnyTreeOfRules()
    {
        ListenerFilterChainMatchPredicate low = Ports(1, 1024);
        ListenerFilterChainMatchPredicate web = Ports(80, 81);
        var notWeb = new ListenerFilterChainMatchPredicate { NotMatch = web };
        var both = new ListenerFilterChainMatchPredicate { AndMatch = new() { Rules = { low, notWeb } } };
        var either = new ListenerFilterChainMatchPredicate { OrMatch = new() { Rules = { web, Ports(8080, 8081) } } };
        Assert.Equal([false, true, false], Matches(both));
        Assert.Equal([true, false, true], Matches(either));
        Assert.Equal([false, true, true], Matches(notWeb));
        Assert.Equal([true, true, true], Matches(new ListenerFilterChainMatchPredicate { AnyMatch = true }));
        Assert.Throws<ConfigRejectedException>(() => Matches(new ListenerFilterChainMatchPredicate()));

        var deep = new ListenerFilterChainMatchPredicate { AnyMatch = true };
        for (int i = 0; i < 40; i++)
        {
            deep = new ListenerFilterChainMatchPredicate { NotMatch = deep };
        }

        Assert.Throws<ConfigRejectedException>(() => Matches(deep));
    }

    private static void Refused(TransportFixture fixture, string text, Action<Listener> change)
    {
        Listener listener = TransportFixture.TcpListener("l", "c");
        change(listener);
        Assert.Contains(text, Assert.Single(fixture.Apply(listener)).Reason, StringComparison.Ordinal);
    }

    private static bool[] Matches(ListenerFilterChainMatchPredicate rule)
    {
        var predicate = ListenerFilterPredicate.Compile(rule, "f");
        return Array.ConvertAll<int, bool>([80, 443, 8080], port => predicate.Matches(NetAddress.Loopback((ushort)port)));
    }

    private static ListenerFilterChainMatchPredicate Ports(int start, int end) =>
        new() { DestinationPortRange = new Int32Range { Start = start, End = end } };

    private static Envoy.Config.Core.V3.CidrRange Range(string prefix, uint length) => new() { AddressPrefix = prefix, PrefixLen = length };

    private static void Add(FilterChainIndex index, string name, FilterChainMatch match) => index.Add(
        FilterChainCompiler.CompileMatch(match, "m"), new FilterChainModel(1, null, []) { Name = name, Filters = [], Terminal = null! }, "m");

    private static string? Find(FilterChainIndex index, string remote, string direct) => index.Find(new ConnectionInfo
    {
        LocalAddress = NetAddress.Parse("10.0.0.1:80"),
        RemoteAddress = NetAddress.Parse(remote),
        DirectRemoteAddress = NetAddress.Parse(direct),
        TransportProtocol = "raw_buffer",
    })?.Name;
}
