using System.Security.Cryptography;
using Envoy.Config.Cluster.V3;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tunnels;

/// <summary>TCP through two proxies in a row: one makes tunnels, the other ends them, over each protocol and method.</summary>
public sealed class TunnelChainTests
{
    private const int Size = 12_000_000;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Bytes_PassUnchangedAndBothEndsFinish(bool http2, bool post) => LoopRunner.Run(async loop =>
    {
        (TransportFixture fixture, ListenSocket echo) = Serve(loop, http2, post);
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        byte[] sent = new byte[Size];
        new Random(4).NextBytes(sent);
        Task sending = SendAsync(client, sent);
        byte[] received = new byte[Size];
        int count = 0;
        while (count < Size)
        {
            IoResult result = await client.ReceiveAsync(received.AsMemory(count));
            Assert.True(result.IsOk && !result.IsEnd, $"It ended after {count} bytes.");
            count += result.Bytes;
        }

        Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        await sending;
        Assert.Equal(SHA256.HashData(sent), SHA256.HashData(received));
        await TestPeers.UntilAsync(loop, () => fixture.Gauge("cluster.echo.upstream_cx_active") == 0);
        await TestPeers.UntilAsync(loop, () => fixture.Gauge("cluster.c.upstream_rq_active") == 0);
        Assert.Equal(0, fixture.Counter("http2.tx_reset"));
        echo.Close();
    });

    /// <summary>Connections at once share the HTTP/2 connection between the proxies.</summary>
    [Fact]
    public void Connections_ShareTheConnectionBetweenTheProxies() => LoopRunner.Run(async loop =>
    {
        (TransportFixture fixture, ListenSocket echo) = Serve(loop, http2: true, post: false);
        var clients = new List<SocketStream>();
        for (int i = 0; i < 20; i++)
        {
            SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            await client.SendAsync(new[] { (byte)('a' + i) });
            clients.Add(client);
        }

        for (int i = 0; i < clients.Count; i++)
        {
            Assert.Equal($"{(char)('a' + i)}", await TestPeers.ReceiveTextAsync(clients[i], 1));
        }

        Assert.Equal(1, fixture.Counter("cluster.c.upstream_cx_total"));
        Assert.Equal(20, fixture.Counter("cluster.echo.upstream_cx_total"));
        clients.ForEach(static client => client.Close());
        await TestPeers.UntilAsync(loop, () => fixture.Gauge("cluster.echo.upstream_cx_active") == 0);
        echo.Close();
    });

    private static async Task SendAsync(SocketStream client, byte[] bytes)
    {
        Assert.True((await client.SendAsync(bytes)).IsOk);
        client.ShutdownSend();
    }

    private static (TransportFixture Fixture, ListenSocket Echo) Serve(EventLoop loop, bool http2, bool post)
    {
        var fixture = new TransportFixture(loop);
        ListenSocket echo = TestPeers.Echo(loop);
        Assert.Empty(fixture.Apply(TransportFixture.StaticCluster("echo", echo.LocalAddress)));
        Assert.Empty(fixture.Apply(TunnelBench.Terminator(
            post ? "{ prefix: / }" : "{ connect_matcher: {} }",
            $"{{ allow_post: {(post ? "true" : "false")} }}",
            "http2_protocol_options: { allow_connect: true }")));
        Cluster between = TransportFixture.StaticCluster("c", fixture.AddressOf("end"));
        if (http2)
        {
            TunnelBench.UseHttp2(between);
        }

        Assert.Empty(fixture.Apply(between));
        Assert.Empty(fixture.Apply(TunnelBench.Listener(tcp => tcp.TunnelingConfig.UsePost = post)));
        return (fixture, echo);
    }
}
