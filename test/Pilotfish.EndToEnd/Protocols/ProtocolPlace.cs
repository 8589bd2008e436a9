using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Pilotfish.EndToEnd.Faults;
using Pilotfish.EndToEnd.Protocols;

[assembly: AssemblyFixture(typeof(ProtocolPlace))]

namespace Pilotfish.EndToEnd.Protocols;

/// <summary>
/// Servers of HTTP/1.1 (ws on node, Kestrel) and HTTP/2 (Kestrel) behind one `serve`, with a listener in plaintext and one in TLS for each of
/// its clusters; clusters come from a file that tests may replace. Started by the first test that asks.
/// </summary>
public sealed class ProtocolPlace() : ServePlace("pilotfish-protocols-")
{
    private Dictionary<string, int> _ports = [];
    private int _pushes;

    /// <param name="scheme"><c>http</c> or <c>https</c>: which listener.</param>
    /// <param name="server">The host name that leads to a server: a key of the ports.</param>
    internal async Task<Uri> UrlAsync(string scheme, string server)
    {
        IPEndPoint at = await (await ServeAsync()).ListenerAsync(scheme);
        return new Uri($"{scheme}://localhost:{at.Port}/{server}/");
    }

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

    protected override async Task<string> StartServersAsync(X509Certificate2 certificate)
    {
        int[] kestrel = await StartKestrelAsync(certificate);
        int[] node = await StartNodeAsync("websocket.js", "server");
        _ports = new Dictionary<string, int>
        {
            ["node-h1"] = node[0],
            ["kestrel-h1"] = kestrel[0],
            ["kestrel-h2"] = kestrel[1],
            ["tls-h1"] = kestrel[2],
            ["tls-h2"] = kestrel[3],
        };
        WriteClusters("5s");
        return ProtocolBootstrap.Listeners(Folder, _ports.Keys);
    }

    // Written beside and moved into place: half a file must never be read.
    private void WriteClusters(string connectTimeout)
    {
        string file = Path.Combine(Folder, "cds.yaml");
        File.WriteAllText(file + ".new", ProtocolBootstrap.Clusters(Folder, _ports, connectTimeout));
        File.Move(file + ".new", file, overwrite: true);
    }

    private Task<int[]> StartKestrelAsync(X509Certificate2 certificate) => StartKestrelAsync(static _ => { }, options =>
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
    }, static kestrel =>
    {
        kestrel.UseWebSockets();
        kestrel.Run(static async context =>
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
    });

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
