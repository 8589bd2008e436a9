using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>A data plane with an echo behind the cluster `c`, and clients that shake hands with its listeners.</summary>
internal sealed class TlsBench
{
    public const string ServerUri = "spiffe://cluster.local/ns/a/sa/server";
    public const string ClientUri = "spiffe://cluster.local/ns/a/sa/client";

    public TlsBench(EventLoop loop, AccessLogFiles? files = null)
    {
        Loop = loop;
        Fixture = new TransportFixture(loop, files: files);
        ListenSocket echo = TestPeers.Echo(loop);
        Assert.Empty(Fixture.Apply(TransportFixture.StaticCluster("c", echo.LocalAddress)));
    }

    public static TestCertificates Mesh { get; } = new();

    public EventLoop Loop { get; }

    public TransportFixture Fixture { get; }

    /// <summary>mTLS as between sidecars: a certificate demanded of clients, vouched for by the mesh's root.</summary>
    public static DownstreamTlsContext Mutual(CertificateValidationContext? validation = null)
    {
        validation ??= new CertificateValidationContext();
        validation.TrustedCa ??= TlsMessages.Text(Mesh.RootPem);
        return new DownstreamTlsContext
        {
            RequireClientCertificate = true,
            CommonTlsContext = new CommonTlsContext
            {
                TlsCertificates = { TlsMessages.Certificate(Mesh.Leaf(ServerUri)) },
                ValidationContext = validation,
            },
        };
    }

    public static TlsClientOptions Client(string uri = ClientUri) => new() { Certificate = Mesh.Identity(uri), ServerName = "server.example" };

    /// <summary>The reason why a listener with this context is refused.</summary>
    public string Refusal(DownstreamTlsContext tls) =>
        Assert.Single(Fixture.Apply(TlsMessages.Listener("refused", TlsMessages.Chain("t", "c", tls)))).Reason;

    /// <summary>A counter of the listener.</summary>
    public long Stat(string listener, string name) =>
        Fixture.Stats.Value(Fixture.Stats.Scope("listener." + listener).Counter(name));

    /// <summary>A counter of a cluster.</summary>
    public long ClusterStat(string cluster, string name) =>
        Fixture.Stats.Value(Fixture.Stats.Scope("cluster." + cluster).Counter(name));

    public NetAddress Apply(Envoy.Config.Listener.V3.Listener listener)
    {
        Assert.Empty(Fixture.Apply(listener));
        return Fixture.AddressOf(listener.Name);
    }

    public async Task<TlsHandshake> ShakeHandsAsync(NetAddress address, TlsClientOptions options)
    {
        SocketStream socket = await TestPeers.ConnectAsync(Loop, address);
        return await TlsClientStream.ConnectAsync(socket, options);
    }

    /// <summary>Whether bytes go through and come back: TLS 1.3 clients learn of a refusal only then.</summary>
    public async Task<bool> EchoesAsync(NetAddress address, TlsClientOptions options)
    {
        TlsHandshake handshake = await ShakeHandsAsync(address, options);
        bool echoes = handshake.Stream is not null && await EchoesAsync(handshake.Stream);
        handshake.Stream?.Close();
        return echoes;
    }

    public static async Task<bool> EchoesAsync(IByteStream stream)
    {
        await stream.SendAsync("ping"u8.ToArray());
        return await TestPeers.ReceiveTextAsync(stream, 4) == "ping";
    }
}
