using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Pilotfish.EndToEnd.Faults;
using Pilotfish.EndToEnd.Protocols;
using Pilotfish.EndToEnd.Rpc;
using Pilotfish.Testing;

[assembly: AssemblyFixture(typeof(ProtocolPlace))]

namespace Pilotfish.EndToEnd.Protocols;

/// <summary>
/// Servers of HTTP/1.1 (ws on node, Kestrel) and HTTP/2 (Kestrel) behind one `serve`, with a listener in plaintext and one in TLS for each of
/// its clusters; clusters come from a file that tests may replace. Started by the first test that asks.
/// </summary>
public sealed class ProtocolPlace : IAsyncDisposable
{
    private readonly TestCertificates _authority = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("pilotfish-protocols-").FullName;
    private readonly SemaphoreSlim _starting = new(1);
    private Dictionary<string, int> _ports = [];
    private int _pushes;
    private WebApplication? _kestrel;
    private Process? _node;
    private ServeProcess? _serve;

    internal async Task<ServeProcess> ServeAsync()
    {
        await _starting.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            return _serve ??= await StartAsync();
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <param name="scheme"><c>http</c> or <c>https</c>: which listener.</param>
    /// <param name="server">The host name that leads to a server: a key of the ports.</param>
    internal async Task<Uri> UrlAsync(string scheme, string server)
    {
        IPEndPoint at = await (await ServeAsync()).ListenerAsync(scheme);
        return new Uri($"{scheme}://localhost:{at.Port}/{server}/");
    }

    internal SocketsHttpHandler Handler() => new()
    {
        SslOptions = new()
        {
            CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { _authority.Roots[0] },
                RevocationMode = X509RevocationMode.NoCheck,
            },
        },
    };

    /// <summary>Replaces every cluster by one with another timeout, and waits until they serve.</summary>
    internal async Task PushClustersAsync()
    {
        ServeProcess serve = await ServeAsync();
        long before = await serve.StatAsync("cluster_manager.cluster_modified");
        WriteClusters($"{5 + ++_pushes}s");
        while (await serve.StatAsync("cluster_manager.cluster_modified") < before + _ports.Count)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _serve?.Dispose();
        if (_node is not null)
        {
            _node.Kill();
            _node.Dispose();
        }

        if (_kestrel is not null)
        {
            await _kestrel.DisposeAsync();
        }

        _starting.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<ServeProcess> StartAsync()
    {
        (string chain, string key) = _authority.DnsLeaf("localhost");
        File.WriteAllText(Path.Combine(_folder, "ca.pem"), _authority.RootPem);
        File.WriteAllText(Path.Combine(_folder, "chain.pem"), chain);
        File.WriteAllText(Path.Combine(_folder, "key.pem"), key);
        int[] kestrel = await StartKestrelAsync(chain, key);
        _node = NodeProcess.Start("websocket.js", "server");
        string? port = await _node.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        _ports = new Dictionary<string, int>
        {
            ["node-h1"] = int.Parse(port!, System.Globalization.CultureInfo.InvariantCulture),
            ["kestrel-h1"] = kestrel[0],
            ["kestrel-h2"] = kestrel[1],
            ["tls-h1"] = kestrel[2],
            ["tls-h2"] = kestrel[3],
        };
        WriteClusters("5s");
        return await ServeProcess.StartAsync(ProtocolBootstrap.Listeners(_folder, _ports.Keys));
    }

    // Written beside and moved into place: half a file must never be read.
    private void WriteClusters(string connectTimeout)
    {
        string file = Path.Combine(_folder, "cds.yaml");
        File.WriteAllText(file + ".new", ProtocolBootstrap.Clusters(_folder, _ports, connectTimeout));
        File.Move(file + ".new", file, overwrite: true);
    }

    private async Task<int[]> StartKestrelAsync(string chain, string key)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        using var pem = X509Certificate2.CreateFromPem(chain, key);
        X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        builder.WebHost.ConfigureKestrel(options =>
        {
            // Behind a proxy :scheme is the client's, which Kestrel would otherwise refuse where the transport differs.
            options.AllowAlternateSchemes = true;
            foreach ((HttpProtocols protocols, bool tls) in (ReadOnlySpan<(HttpProtocols, bool)>)
                [(HttpProtocols.Http1, false), (HttpProtocols.Http2, false), (HttpProtocols.Http1, true), (HttpProtocols.Http1AndHttp2, true)])
            {
                options.Listen(IPAddress.Loopback, 0, listen =>
                {
                    listen.Protocols = protocols;
                    if (tls)
                    {
                        listen.UseHttps(certificate);
                    }
                });
            }
        });
        _kestrel = builder.Build();
        _kestrel.UseWebSockets();
        _kestrel.Run(static async context =>
        {
            if (context.WebSockets.IsWebSocketRequest)
            {
                using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
                await EchoAsync(socket, context.RequestAborted);
                return;
            }

            context.Response.Headers["x-protocol"] = context.Request.Protocol;
            await context.Request.Body.CopyToAsync(context.Response.Body, context.RequestAborted);
        });
        await _kestrel.StartAsync(TestContext.Current.CancellationToken);
        return [.. _kestrel.Urls.Select(static url => new Uri(url).Port)];
    }

    private static async Task EchoAsync(WebSocket socket, CancellationToken stop)
    {
        byte[] buffer = new byte[64 * 1024];
        while (true)
        {
            ValueWebSocketReceiveResult part = await socket.ReceiveAsync(buffer.AsMemory(), stop);
            if (part.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseOutputAsync(socket.CloseStatus ?? WebSocketCloseStatus.NormalClosure, socket.CloseStatusDescription, stop);
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, part.Count), part.MessageType, part.EndOfMessage, stop);
        }
    }
}
