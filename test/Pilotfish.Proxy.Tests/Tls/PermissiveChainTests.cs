using System.Text;
using Envoy.Config.Listener.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>
/// One port for sidecars and strangers, as Istio's virtualInbound in PERMISSIVE mode: mTLS by transport and ALPN, the application's
/// own TLS passed through, plaintext passed through.
/// </summary>
public sealed class PermissiveChainTests
{
    [Theory]
    [InlineData("istio-http/1.1", "mtls-http")]
    [InlineData("istio-peer-exchange", "mtls-tcp")]
    [InlineData("istio", "mtls-tcp")]
    public void Sidecar_ByItsAlpn_ReachesTheMutualChain(string alpn, string chain) => LoopRunner.Run(async loop =>
    {
        (TlsBench bench, NetAddress address) = Permissive(loop);
        TlsClientOptions client = TlsBench.Client() with { ApplicationProtocols = [alpn] };
        TlsStream stream = (await bench.ShakeHandsAsync(address, client)).Stream!;
        Assert.Equal(chain, await NameAsync(stream));
        Assert.Equal(TlsBench.ServerUri, Proxy.Tls.SubjectAltNames.Read(stream.Tls.PeerCertificate!)[0].Name);
        stream.Close();
    });

    [Fact]
    public void Stranger_InPlaintext_ReachesThePlainChains() => LoopRunner.Run(async loop =>
    {
        (TlsBench _, NetAddress address) = Permissive(loop);
        SocketStream http = await TestPeers.ConnectAsync(loop, address);
        await http.SendAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        Assert.Equal("plain-http", await NameAsync(http, speaks: false));
        SocketStream tcp = await TestPeers.ConnectAsync(loop, address);
        await tcp.SendAsync("\0 no protocol that anybody knows"u8.ToArray());
        Assert.Equal("plain-tcp", await NameAsync(tcp, speaks: false));
        http.Close();
        tcp.Close();
    });

    [Fact]
    public void Stranger_WithTlsOfItsOwn_IsPassedThroughUntouched() => LoopRunner.Run(async loop =>
    {
        (TlsBench bench, NetAddress address) = Permissive(loop);

        // The application's own server answers, which demands no certificate of the mesh.
        TlsStream stream = (await bench.ShakeHandsAsync(address, new TlsClientOptions { ApplicationProtocols = ["h2"] })).Stream!;
        Assert.Equal("app.example", Proxy.Tls.SubjectAltNames.Read(stream.Tls.PeerCertificate!)[0].Name);
        Assert.True(await TlsBench.EchoesAsync(stream));
        stream.Close();
    });

    /// <summary>Every chain leads to a server that tells the chain's name.</summary>
    private static (TlsBench Bench, NetAddress Address) Permissive(Runtime.Loops.EventLoop loop)
    {
        var bench = new TlsBench(loop);
        foreach (string name in (string[])["mtls-http", "mtls-tcp", "plain-http", "plain-tcp"])
        {
            bench.Fixture.Apply(TransportFixture.StaticCluster(name, TestPeers.Greeter(loop, name + "\n").LocalAddress));
        }

        var own = new Envoy.Extensions.TransportSockets.Tls.V3.DownstreamTlsContext
        {
            CommonTlsContext = new() { TlsCertificates = { TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf("app.example")) } },
        };
        bench.Fixture.Apply(TransportFixture.StaticCluster("own-tls", bench.Apply(TlsMessages.Listener("app", TlsMessages.Chain("t", "c", own)))));

        Envoy.Extensions.TransportSockets.Tls.V3.DownstreamTlsContext http = TlsBench.Mutual();
        http.CommonTlsContext.AlpnProtocols.AddRange(["h2", "http/1.1"]);
        Envoy.Extensions.TransportSockets.Tls.V3.DownstreamTlsContext tcp = TlsBench.Mutual();
        tcp.CommonTlsContext.AlpnProtocols.AddRange(["istio-peer-exchange", "h2", "http/1.1"]);
        Listener listener = TlsMessages.Listener(
            "virtualInbound",
            TlsMessages.Chain("mtls-http", "mtls-http", http, Match("tls", "istio-http/1.0", "istio-http/1.1", "istio-h2")),
            TlsMessages.Chain("mtls-tcp", "mtls-tcp", tcp, Match("tls", "istio-peer-exchange", "istio")),
            TransportFixture.Chain("plain-http", "plain-http", Match("raw_buffer", "http/1.1", "h2c")),
            TransportFixture.Chain("own-tls", "own-tls", Match("tls")),
            TransportFixture.Chain("plain-tcp", "plain-tcp", Match("raw_buffer")));
        listener.ListenerFilters.Add(TlsMessages.TlsInspector());
        listener.ListenerFilters.Add(new Envoy.Config.Listener.V3.ListenerFilter
        {
            Name = "envoy.filters.listener.http_inspector",
            TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Listener.HttpInspector.V3.HttpInspector()),
        });
        return (bench, bench.Apply(listener));

        static FilterChainMatch Match(string transport, params string[] protocols) =>
            new() { TransportProtocol = transport, ApplicationProtocols = { protocols } };
    }

    private static async Task<string> NameAsync(IByteStream stream, bool speaks = true)
    {
        if (speaks)
        {
            await stream.SendAsync("hello"u8.ToArray());
        }

        var name = new StringBuilder();
        while (true)
        {
            string one = await TestPeers.ReceiveTextAsync(stream, 1);
            if (one is "" or "\n")
            {
                return name.ToString();
            }

            name.Append(one);
        }
    }
}
