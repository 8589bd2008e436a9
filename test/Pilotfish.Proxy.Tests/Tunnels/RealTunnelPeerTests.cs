using System.Diagnostics;
using System.Globalization;
using Envoy.Config.Cluster.V3;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tunnels;

/// <summary>Foreign implementations on the other side: curl and node as clients of a terminating route, node as the server that grants tunnels.</summary>
public sealed class RealTunnelPeerTests : IDisposable
{
    private readonly List<Process> _processes = [];

    public void Dispose()
    {
        foreach (Process process in _processes)
        {
            if (!process.HasExited)
            {
                process.Kill();
                process.WaitForExit();
            }

            process.Dispose();
        }
    }

    [Fact]
    public void Curl_WithProxyTunnel_IsAnsweredThroughTheTunnel() => LoopRunner.Run(async loop =>
    {
        Prerequisite.Program("curl");
        ListenSocket web = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        TestPeers.Serve(web, async stream =>
        {
            await stream.ReceiveAsync(new byte[4096]);
            await stream.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"u8.ToArray());
            await stream.ReceiveAsync(new byte[1]);
            stream.Close();
        });
        TransportFixture fixture = Terminate(loop, web.LocalAddress);
        string output = await RunAsync(
            "curl", "-s", "--max-time", "60", "--proxytunnel", "-x", "http://" + fixture.AddressOf("end"), "-w", " %{http_connect} %{http_code}", "http://web.example/x");
        Assert.Equal("hello 200 200", output);
        await loop.UntilAsync(() => fixture.Gauge("cluster.echo.upstream_cx_active") == 0);
        web.Close();
    });

    /// <summary>A CONNECT stream of node's HTTP/2 client, half-closed by it, between requests that are refused.</summary>
    [Fact]
    public void Node_Http2Connect_EchoesAndHalfCloses() => LoopRunner.Run(async loop =>
    {
        Prerequisite.Program("node");
        ListenSocket echo = TestPeers.Echo(loop);
        TransportFixture fixture = Terminate(loop, echo.LocalAddress);
        const string Script = """
            const session = require('http2').connect(process.argv[1]);
            const tunnel = session.request({ ':method': 'CONNECT', ':authority': 'db.example:5432' }, { endStream: false });
            let text = '';
            tunnel.on('response', headers => { text += headers[':status'] + ' '; tunnel.write('x'.repeat(200000)); tunnel.end('end'); });
            let bytes = 0;
            tunnel.on('data', chunk => { bytes += chunk.length; });
            tunnel.on('end', () => { console.log(text + bytes); });
            tunnel.on('close', () => session.close());
            tunnel.on('error', error => console.log('error ' + error.message));
            """;
        Assert.Equal("200 200003\n", await RunAsync("node", "-e", Script, "http://" + fixture.AddressOf("end")));
        Assert.Equal(0, fixture.Counter("http2.tx_reset"));
        echo.Close();
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Node_AsTheServer_GrantsTunnels(bool http2) => LoopRunner.Run(async loop =>
    {
        Prerequisite.Program("node");
        string script = http2
            ? """
                const server = require('http2').createServer({ settings: { enableConnectProtocol: true } });
                server.on('stream', (stream, headers) => {
                  if (headers[':method'] !== 'CONNECT' || headers[':authority'] !== 'db.example:5432') { stream.respond({ ':status': 403 }); stream.end(); return; }
                  stream.respond({ ':status': 200 }, { endStream: false });
                  stream.pipe(stream);
                });
                """
            : """
                const server = require('http').createServer();
                server.on('connect', (request, socket) => {
                  if (request.url !== 'db.example:5432') { socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'); return; }
                  socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
                  socket.pipe(socket);
                });
                """;
        int port = await ServeAsync(script + "\nserver.listen(0, '127.0.0.1', () => console.log(server.address().port));");
        var fixture = new TransportFixture(loop);
        Cluster cluster = TransportFixture.StaticCluster("c", NetAddress.Loopback((ushort)port));
        if (http2)
        {
            TunnelBench.UseHttp2(cluster);
        }

        Assert.Empty(fixture.Apply(cluster));
        Assert.Empty(fixture.Apply(TunnelBench.Listener()));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync(new byte[100_000]);
        client.ShutdownSend();
        Assert.Equal(100_000, (await TestPeers.ReceiveTextAsync(client, 100_001)).Length);
        await loop.UntilAsync(() => fixture.Gauge("cluster.c.upstream_rq_active") == 0);
        client.Close();
    });

    private static TransportFixture Terminate(EventLoop loop, NetAddress upstream)
    {
        var fixture = new TransportFixture(loop);
        Assert.Empty(fixture.Apply(TransportFixture.StaticCluster("echo", upstream)));
        Assert.Empty(fixture.Apply(TunnelBench.Terminator("{ connect_matcher: {} }", "{}")));
        return fixture;
    }

    private async Task<int> ServeAsync(string script)
    {
        Process process = Process.Start(new ProcessStartInfo("node", ["-e", script]) { RedirectStandardOutput = true })!;
        _processes.Add(process);
        return int.Parse((await process.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output;
    }
}
