using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.Listeners;

public sealed class FilterChainIndexTests
{
    private static readonly NetAddress s_client = NetAddress.Parse("192.0.2.7:5555");

    [Fact]
    public void Find_DestinationPort_BeatsEverythingAfterIt()
    {
        FilterChainIndex index = Index(
            ("any", new FilterChainMatchModel { ServerNames = ["a.b"] }), ("port", new FilterChainMatchModel { DestinationPort = 80 }));
        Assert.Equal("port", Find(index, "10.0.0.1:80", "a.b"));
        Assert.Equal("any", Find(index, "10.0.0.1:81", "a.b"));
        Assert.Null(Find(index, "10.0.0.1:81"));
    }

    [Fact]
    public void Find_LongestPrefix_Wins()
    {
        FilterChainIndex index = Index(
            ("wide", new FilterChainMatchModel { DestinationPrefixes = [Range("10.0.0.0", 8)] }),
            ("narrow", new FilterChainMatchModel { DestinationPrefixes = [Range("10.1.0.0", 16)] }),
            ("six", new FilterChainMatchModel { DestinationPrefixes = [Range("fd00::", 8)] }));
        Assert.Equal("narrow", Find(index, "10.1.2.3:1"));
        Assert.Equal("wide", Find(index, "10.2.2.3:1"));
        Assert.Equal("six", Find(index, "[fd12::1]:1"));
        Assert.Null(Find(index, "11.0.0.1:1"));
    }

    [Fact]
    public void Find_ServerName_ExactThenLongestWildcardThenNone()
    {
        FilterChainIndex index = Index(
            ("none", new FilterChainMatchModel()),
            ("exact", new FilterChainMatchModel { ServerNames = ["a.b.c"] }),
            ("long", new FilterChainMatchModel { ServerNames = [".b.c"] }),
            ("short", new FilterChainMatchModel { ServerNames = [".c"] }));
        Assert.Equal("exact", Find(index, "10.0.0.1:1", "a.b.c"));
        Assert.Equal("long", Find(index, "10.0.0.1:1", "x.y.b.c"));
        Assert.Equal("short", Find(index, "10.0.0.1:1", "b.c"));
        Assert.Equal("none", Find(index, "10.0.0.1:1", "c"));
        Assert.Equal("none", Find(index, "10.0.0.1:1"));
    }

    [Fact]
    public void Find_MoreSpecificStepFails_DoesNotGoBack()
    {
        FilterChainIndex index = Index(
            ("name", new FilterChainMatchModel { ServerNames = ["a"], TransportProtocol = "tls", ApplicationProtocols = ["h2"] }),
            ("all", new FilterChainMatchModel()));
        Assert.Null(Find(index, "10.0.0.1:1", "a", "tls", "http/1.1"));
    }

    [Fact]
    public void Find_IstioPermissiveAuto_ChoosesByTransportAndAlpn()
    {
        FilterChainIndex index = Index(
            ("mtls-http", Match("tls", "istio-http/1.0", "istio-http/1.1", "istio-h2")),
            ("http", Match("raw_buffer", "http/1.1", "h2c")),
            ("mtls-tcp", Match("tls", "istio-peer-exchange", "istio")),
            ("tcp", Match("raw_buffer")),
            ("tls", Match("tls")));
        Assert.Equal("mtls-http", Find(index, "10.0.0.1:80", null, "tls", "istio-http/1.1", "istio", "http/1.1"));
        Assert.Equal("mtls-tcp", Find(index, "10.0.0.1:80", null, "tls", "istio-peer-exchange", "istio"));
        Assert.Equal("tls", Find(index, "10.0.0.1:80", null, "tls", "h2"));
        Assert.Equal("http", Find(index, "10.0.0.1:80", null, "raw_buffer", "h2c"));
        Assert.Equal("tcp", Find(index, "10.0.0.1:80", null, "raw_buffer"));
    }

    [Fact]
    public void Find_Source_TypeThenPrefixThenPort()
    {
        FilterChainIndex index = Index(
            ("external", new FilterChainMatchModel { Source = ConnectionSource.External }),
            ("local", new FilterChainMatchModel { Source = ConnectionSource.SameIpOrLoopback }),
            ("port", new FilterChainMatchModel { Source = ConnectionSource.External, SourcePorts = [5555] }));
        Assert.Equal("port", Find(index, "10.0.0.1:1"));
        Assert.Equal("local", Find(index, "192.0.2.7:1"));
    }

    [Fact]
    public void Add_SameMatchTwice_IsRejected()
    {
        ConfigRejectedException e = Assert.Throws<ConfigRejectedException>(() => Index(
            ("a", new FilterChainMatchModel { DestinationPort = 1 }), ("b", new FilterChainMatchModel { DestinationPort = 1 })));
        Assert.Contains("'b' has the same match as filter chain 'a'", e.Message, StringComparison.Ordinal);
    }

    private static FilterChainMatchModel Match(string transport, params string[] protocols) =>
        new() { TransportProtocol = transport, ApplicationProtocols = protocols };

    private static CidrRange Range(string address, int length)
    {
        Assert.True(NetAddress.TryParseIp(address, 0, out NetAddress parsed));
        return CidrRange.Create(parsed, length);
    }

    private static FilterChainIndex Index(params (string Name, FilterChainMatchModel Match)[] chains)
    {
        var index = new FilterChainIndex();
        foreach ((string name, FilterChainMatchModel match) in chains)
        {
            index.Add(match, new FilterChainModel(1, null, []) { Name = name, Filters = [], Terminal = null! }, "match");
        }

        return index;
    }

    private static string? Find(
        FilterChainIndex index, string local, string? serverName = null, string transport = "raw_buffer", params string[] protocols) =>
        index.Find(new ConnectionInfo
        {
            LocalAddress = NetAddress.Parse(local),
            RemoteAddress = s_client,
            DirectRemoteAddress = s_client,
            RequestedServerName = serverName,
            TransportProtocol = transport,
            ApplicationProtocols = protocols,
        })?.Name;
}
