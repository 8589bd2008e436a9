using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using Pilotfish.EndToEnd.Rpc;

namespace Pilotfish.EndToEnd.Protocols;

/// <summary>Real WebSocket clients and servers over both versions of HTTP, in all combinations (RFC 6455, RFC 8441).</summary>
public sealed class WebSocketTests(ProtocolPlace place)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<string, string, string> Combinations()
    {
        var rows = new TheoryData<string, string, string>();
        foreach (string server in (string[])["node-h1", "kestrel-h1", "kestrel-h2", "tls-h1", "tls-h2"])
        {
            foreach (string scheme in (string[])["http", "https"])
            {
                rows.Add("1.1", scheme, server);
                rows.Add("2.0", scheme, server);
            }
        }

        return rows;
    }

    [Theory]
    [InlineData("node-h1")]
    [InlineData("kestrel-h1")]
    [InlineData("kestrel-h2")]
    public async Task Ws_MessagesOfAllSizesAndTheCloseCode_ComeBack(string server)
    {
        Uri url = await place.UrlAsync("http", server);
        string output = await NodeProcess.RunAsync("websocket.js", "client", $"ws://127.0.0.1:{url.Port}{url.AbsolutePath}");
        Assert.Equal("""{"back":[0,1,125,126,65535,65536,1048576],"code":4001}""", output.Trim());
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public async Task Net_OutlivesRouteTimeoutAndClusterPush(string version, string scheme, string server)
    {
        using ClientWebSocket socket = await ConnectAsync(version, scheme, server);
        long start = Stopwatch.GetTimestamp();
        int messages = 0;

        // The route's timeouts are 0.3 s and 0.2 s, and the socket is busy for longer.
        while (messages < 2 || Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(0.7))
        {
            await EchoAsync(socket, $"message {messages++}");
        }

        await place.PushClustersAsync();
        await EchoAsync(socket, "after the push");
        await socket.CloseAsync(WebSocketCloseStatus.EndpointUnavailable, "bye", Stop);
        Assert.Equal((WebSocketCloseStatus.EndpointUnavailable, "bye"), (socket.CloseStatus, socket.CloseStatusDescription));
    }

    private async Task<ClientWebSocket> ConnectAsync(string version, string scheme, string server)
    {
        Uri url = await place.UrlAsync(scheme, server);
        var socket = new ClientWebSocket();
        socket.Options.HttpVersion = Version.Parse(version);
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        socket.Options.SetRequestHeader("x-short", "yes");
        var builder = new UriBuilder(url) { Scheme = scheme == "https" ? "wss" : "ws" };
        await socket.ConnectAsync(builder.Uri, new HttpMessageInvoker(place.Handler()), Stop);
        return socket;
    }

    private static async Task EchoAsync(ClientWebSocket socket, string text)
    {
        await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, Stop);
        byte[] buffer = new byte[1024];
        WebSocketReceiveResult result = await socket.ReceiveAsync(buffer, Stop);
        Assert.Equal(text, Encoding.UTF8.GetString(buffer, 0, result.Count));
    }
}
