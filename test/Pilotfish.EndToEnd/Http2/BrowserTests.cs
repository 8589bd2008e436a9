using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Pilotfish.EndToEnd.Faults;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Http2;

/// <summary>
/// A browser as a client: headless Chromium opens a page over TLS, which tells by which protocol it came, opens a WebSocket, and reports both
/// in the path of one more request; the access log is what the test reads.
/// </summary>
public sealed class BrowserTests
{
    private const string Page = """
        <!doctype html><script>
        const protocol = performance.getEntriesByType('navigation')[0].nextHopProtocol;
        const socket = new WebSocket('wss://' + location.host + '/ws');
        const report = text => fetch('/report/' + protocol + '/' + text);
        socket.onopen = () => socket.send('round-trip');
        socket.onmessage = message => report(message.data);
        socket.onerror = () => report('failed');
        </script>
        """;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(90);

    /// <summary>Over HTTP/2 the WebSocket is a stream of the same connection where the proxy offers extended CONNECT (RFC 8441).</summary>
    [Theory]
    [InlineData("h2, extended CONNECT", "h2,http/1.1", true, "HTTP/2")]
    [InlineData("h2, WebSocket on a connection of its own", "h2,http/1.1", false, "HTTP/1.1")]
    [InlineData("http/1.1", "http/1.1", false, "HTTP/1.1")]
    public async Task Chromium_OverTls_LoadsAPageAndSpeaksWebSocket(string label, string alpn, bool allowConnect, string socketProtocol)
    {
        Prerequisite.Program("chromium");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        using var backend = new TcpListener(IPAddress.Loopback, 0);
        backend.Start();
        Task echoing = EchoAsync(backend, limit.Token);
        using ServeProcess serve = await ServeProcess.StartAsync(Bootstrap(alpn, allowConnect, ((IPEndPoint)backend.LocalEndpoint).Port));
        string profile = Directory.CreateTempSubdirectory("pilotfish-browser-").FullName;
        using Process browser = Open($"https://{await serve.ListenerAsync("https")}/", profile);
        try
        {
            string expected = $"GET /report/{alpn.Split(',')[0]}/round-trip ";
            var log = new List<string>();
            while (!log.Exists(line => line.StartsWith(expected, StringComparison.Ordinal)))
            {
                log.Add(await serve.Output.ReadLineAsync(limit.Token) ?? throw new EndOfStreamException(label + ": " + string.Join('\n', log)));
                Assert.DoesNotContain("/failed", log[^1], StringComparison.Ordinal);
            }

            // The tunnel is logged when it ends.
            browser.Kill(entireProcessTree: true);
            string? tunnel;
            do
            {
                tunnel = await serve.Output.ReadLineAsync(limit.Token);
            }
            while (tunnel?.Contains(" /ws ", StringComparison.Ordinal) == false);
            Assert.Contains($" /ws {socketProtocol} ", tunnel);
        }
        finally
        {
            if (!browser.HasExited)
            {
                browser.Kill(entireProcessTree: true);
            }

            await browser.WaitForExitAsync(CancellationToken.None);
            Delete(profile);
            await limit.CancelAsync();
            await echoing;
        }
    }

    private static Process Open(string url, string profile)
    {
        string[] arguments =
        [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
            "--disable-quic", "--no-proxy-server", "--ignore-certificate-errors", $"--user-data-dir={profile}", "--remote-debugging-port=0", url,
        ];
        var start = new ProcessStartInfo("chromium", arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        Process browser = Process.Start(start)!;
        _ = browser.StandardError.ReadToEndAsync();
        _ = browser.StandardOutput.ReadToEndAsync();
        return browser;
    }

    private static void Delete(string profile)
    {
        try
        {
            Directory.Delete(profile, recursive: true);
        }
        catch (IOException)
        {
            // A child of the browser still writes; the folder is the temporary directory's to clean.
        }
    }

    // A WebSocket server: the handshake by hand (RFC 6455 section 4.2.2), the frames by .NET.
    [SuppressMessage("Security", "CA5350", Justification = "The WebSocket handshake is made of SHA-1.")]
    private static async Task EchoAsync(TcpListener listener, CancellationToken stop)
    {
        try
        {
            using TcpClient client = await listener.AcceptTcpClientAsync(stop);
            NetworkStream stream = client.GetStream();
            byte[] buffer = new byte[16 * 1024];
            string head = "";
            while (!head.EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                head += Encoding.Latin1.GetString(buffer, 0, await stream.ReadAsync(buffer, stop));
            }

            string key = head.Split("\r\n").Single(static line => line.StartsWith("sec-websocket-key:", StringComparison.OrdinalIgnoreCase))[18..].Trim();
            string accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"), stop);
            using var socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true });
            while (socket.State == WebSocketState.Open)
            {
                WebSocketReceiveResult received = await socket.ReceiveAsync(buffer, stop);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    break;
                }

                await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, stop);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or WebSocketException or IOException)
        {
            // The browser is gone, or the test is over.
        }
    }

    private static string Bootstrap(string alpn, bool allowConnect, int backendPort)
    {
        (string chain, string key) = new TestCertificates().DnsLeaf("localhost");
        // As deep as the block scalars below.
        const string Indent = "\n                    ";
        return $$$"""
            static_resources:
              clusters:
              - name: echo
                type: STATIC
                load_assignment:
                  cluster_name: echo
                  endpoints:
                  - lb_endpoints:
                    - endpoint:
                        address:
                          socket_address:
                            address: 127.0.0.1
                            port_value: {{{backendPort}}}
              listeners:
              - name: https
                address: {socket_address: {address: 127.0.0.1, port_value: 0}}
                filter_chains:
                - transport_socket:
                    name: tls
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                      common_tls_context:
                        alpn_protocols: [{{{alpn}}}]
                        tls_certificates:
                        - certificate_chain:
                            inline_string: |
                                {{{chain.Trim().Replace("\n", Indent, StringComparison.Ordinal)}}}
                          private_key:
                            inline_string: |
                                {{{key.Trim().Replace("\n", Indent, StringComparison.Ordinal)}}}
                  filters:
                  - name: hcm
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: h
                      http2_protocol_options:
                        allow_connect: {{{(allowConnect ? "true" : "false")}}}
                      upgrade_configs: [{upgrade_type: websocket}]
                      access_log:
                      - name: file
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                          path: /dev/stdout
                          log_format: {text_format_source: {inline_string: "%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE%\n"}}
                      http_filters:
                      - name: router
                        typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
                      route_config:
                        virtual_hosts:
                        - name: v
                          domains: ["*"]
                          response_headers_to_add: [{header: {key: content-type, value: text/html}}]
                          routes:
                          - match: {path: /ws}
                            route: {cluster: echo, timeout: 0s}
                          - match: {prefix: /}
                            direct_response:
                              status: 200
                              body:
                                inline_string: {{{System.Text.Json.JsonSerializer.Serialize(Page)}}}
            """;
    }
}
