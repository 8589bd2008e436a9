using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tunnels;

/// <summary>What tcp_proxy refuses of tunnels, early data and TLVs, by field.</summary>
public sealed class TunnelConfigTests
{
    public static TheoryData<string, Action<TcpProxy>, string> Refused => new()
    {
        { "no hostname", static t => t.TunnelingConfig.Hostname = "", "tunneling_config.hostname: it is empty" },
        { "bad hostname", static t => t.TunnelingConfig.Hostname = "%NO_SUCH%", "tunneling_config.hostname: " },
        { "path of CONNECT", static t => t.TunnelingConfig.PostPath = "/x", "tunneling_config.post_path: only POST has a path" },
        { "path without slash", static t => (t.TunnelingConfig.UsePost, t.TunnelingConfig.PostPath) = (true, "x"), "tunneling_config.post_path: 'x' is no path" },
        { "path with a blank", static t => (t.TunnelingConfig.UsePost, t.TunnelingConfig.PostPath) = (true, "/x y"), "tunneling_config.post_path: '/x y' is no path" },
        { "pseudo header", static t => t.TunnelingConfig.HeadersToAdd.Add(Header(":path")), "tunneling_config.headers_to_add[0].header.key: " },
        { "host", static t => t.TunnelingConfig.HeadersToAdd.Add(Header("Host")), "tunneling_config.headers_to_add[0].header.key: " },
        { "too many headers", static t => t.TunnelingConfig.HeadersToAdd.AddRange(Enumerable.Repeat(Header("a"), 1001)), "tunneling_config.headers_to_add: 1001" },
        {
            "other ids", static t => t.TunnelingConfig.RequestIdExtension = new RequestIDExtension { TypedConfig = Any.Pack(new Empty()) },
            "tunneling_config.request_id_extension.typed_config: the request id extension 'google.protobuf.Empty' does not exist"
        },
        {
            "id in a pseudo header",
            static t => (t.TunnelingConfig.RequestIdExtension, t.TunnelingConfig.RequestIdHeader) = (new RequestIDExtension(), ":path"),
            "tunneling_config.request_id_header: ':path' is no name"
        },
        { "mode without room", static t => t.UpstreamConnectMode = UpstreamConnectMode.OnDownstreamData, "max_early_data_bytes: it must be set" },
        { "unknown mode", static t => t.UpstreamConnectMode = (UpstreamConnectMode)9, "upstream_connect_mode: 9 is no mode" },
        { "too much room", static t => t.MaxEarlyDataBytes = 1_048_577, "max_early_data_bytes: 1048577 is above 1048576" },
        { "type of a TLV", static t => t.ProxyProtocolTlvs.Add(new TlvEntry { Type = 256 }), "proxy_protocol_tlvs[0].type: 256" },
        {
            "TLV with both values",
            static t => t.ProxyProtocolTlvs.Add(new TlvEntry
            {
                Value = Google.Protobuf.ByteString.CopyFromUtf8("a"), FormatString = new SubstitutionFormatString { TextFormat = "b" },
            }),
            "proxy_protocol_tlvs[0].format_string: the TLV has a value, too"
        },
        {
            "TLV of a bad format",
            static t => t.ProxyProtocolTlvs.Add(new TlvEntry { FormatString = new SubstitutionFormatString { TextFormat = "%NO_SUCH%" } }),
            "proxy_protocol_tlvs[0].format_string.text_format: "
        },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Option_OutOfRange_IsRefusedByField(string what, Action<TcpProxy> spoil, string problem) => LoopRunner.Run(loop =>
    {
        Assert.NotEmpty(what);
        var fixture = new TransportFixture(loop);
        Assert.Contains(
            $"filter_chains[0].filters[0].typed_config.{problem}", Assert.Single(fixture.Apply(TunnelBench.Listener(spoil))).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData("type.googleapis.com/envoy.extensions.upstreams.http.generic.v3.GenericConnectionPoolProto", null)]
    [InlineData("type.googleapis.com/envoy.extensions.upstreams.http.http.v3.HttpConnectionPoolProto", null)]
    [InlineData("type.googleapis.com/envoy.extensions.upstreams.http.tcp.v3.TcpConnectionPoolProto", null)]
    [InlineData("type.googleapis.com/envoy.extensions.upstreams.tcp.generic.v3.GenericConnectionPoolProto", null)]
    [InlineData("type.googleapis.com/envoy.extensions.upstreams.http.udp.v3.UdpConnectionPoolProto",
        "upstream_config.typed_config: extension 'pool' has type 'envoy.extensions.upstreams.http.udp.v3.UdpConnectionPoolProto'")]
    [InlineData("", "upstream_config.typed_config: extension 'pool' has no typed_config")]
    public void UpstreamConfig_KnowsItsFourPools(string type, string? problem) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Envoy.Config.Cluster.V3.Cluster cluster = TransportFixture.StaticCluster("c");
        cluster.UpstreamConfig = new TypedExtensionConfig { Name = "pool", TypedConfig = type.Length > 0 ? new Any { TypeUrl = type } : null };
        List<Pilotfish.Proxy.Xds.RejectedResource> rejected = fixture.Apply(cluster);
        if (problem is null)
        {
            Assert.Empty(rejected);
        }
        else
        {
            Assert.Contains(problem, Assert.Single(rejected).Reason, StringComparison.Ordinal);
        }

        return Task.CompletedTask;
    });

    private static HeaderValueOption Header(string name) => new() { Header = new HeaderValue { Key = name, Value = "v" } };
}
