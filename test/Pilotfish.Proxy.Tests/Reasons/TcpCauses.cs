using Envoy.Config.Cluster.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>What a TCP connection's record says. Its RESPONSE_CODE is 0 and its RESPONSE_CODE_DETAILS are missing, as there is no response.</summary>
internal static class TcpCauses
{
    public static IEnumerable<Cause> All { get; } =
    [
        new("TCP: both sides finish", "0 - - -", static async bench =>
        {
            bench.Cluster(null, TestPeers.Echo(bench.Loop).LocalAddress);
            bench.Tcp();
            TestClient client = await bench.SendAsync("hello");
            Assert.Equal("hello", await client.ReadBytesAsync(5));
            client.Stream.ShutdownSend();
            Assert.Equal("", await client.ReadToEndAsync());
        }),
        new("TCP: no endpoints", "0 UH NoHealthyUpstream -", static async bench =>
        {
            bench.Cluster();
            bench.Tcp();
            await bench.ConnectAsync();
        }),
        new("TCP: connection refused", "0 UF,URX UpstreamConnectionFailure,UpstreamRetryLimitExceeded -", static async bench =>
        {
            bench.Cluster(null, bench.Dead());
            bench.Tcp();
            await bench.ConnectAsync();
        }),
        new("TCP: too many connections", "0 UO UpstreamOverflow -", static async bench =>
        {
            bench.Cluster(
                static cluster => cluster.CircuitBreakers = new CircuitBreakers
                {
                    Thresholds = { new CircuitBreakers.Types.Thresholds { MaxConnections = 0 } },
                },
                bench.Dead());
            bench.Tcp();
            await bench.ConnectAsync();
        }),
        new("TCP: unknown cluster", "0 NC NoClusterFound -", static async bench =>
        {
            bench.Tcp();
            await bench.ConnectAsync();
        }),
        new("TCP: connection is too long", "0 DT DurationTimeout -", static async bench =>
        {
            bench.Cluster(null, TestPeers.Echo(bench.Loop).LocalAddress);
            bench.Tcp(static proxy => proxy.MaxDownstreamConnectionDuration = FlagCauses.Milliseconds(50));
            TestClient client = await bench.SendAsync("hello");
            Assert.Equal("hello", await client.ReadBytesAsync(5));
            bench.Advance(51);
        }),
        new("no filter chain", "0 NR NoRouteFound filter_chain_not_found", static async bench =>
        {
            bench.Cluster();
            bench.Tcp(listener: listener =>
            {
                listener.FilterChains[0].FilterChainMatch = new FilterChainMatch
                {
                    PrefixRanges = { new CidrRange { AddressPrefix = "192.0.2.0", PrefixLen = 24 } },
                };
                listener.AccessLog.Add(bench.Log);
            });
            await bench.ConnectAsync();
        }),
    ];
}
