using System.Net.Sockets;
using System.Text;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Capture;

/// <summary>
/// Plain programs whose packets istio-iptables redirects through the data plane: outbound to another machine and to a service
/// IP, inbound from it; IPv4 and IPv6; protocols in which the client or the server speaks first.
/// </summary>
public sealed class CapturedTrafficTests
{
    private const uint AppUser = 1000;
    private const int EchoPort = 7000;
    private const int GreetPort = 7001;
    private const int EchoBytes = 300_000;

    [Fact]
    public async Task Traffic_BothDirectionsAndFamilies_PassesThroughTheSidecar()
    {
        using TestNamespace pod = TestNamespace.Create();
        using TestNamespace peer = TestNamespace.Create();
        TestNamespace.Join(pod, ["10.77.0.1/24", "fd77::1/64"], peer, ["10.77.0.2/24", "fd77::2/64"]);
        pod.Run("ip", "route", "add", "default", "via", "10.77.0.2");
        NetworkNamespaceThread app = pod.Enter(AppUser);
        NetworkNamespaceThread outside = peer.Enter();
        using var appEcho = new TcpServer(app, EchoPort, greets: false);
        using var appGreet = new TcpServer(app, GreetPort, greets: true);
        using var peerEcho = new TcpServer(outside, EchoPort, greets: false);
        using var peerGreet = new TcpServer(outside, GreetPort, greets: true);
        using SidecarProcess sidecar = await SidecarProcess.StartAsync(pod, Bootstrap);

        Assert.Equal(EchoBytes, await EchoAsync(app, "10.77.0.2", EchoPort));
        Assert.Equal(EchoBytes, await EchoAsync(app, "fd77::2", EchoPort));
        Assert.Equal(EchoBytes, await EchoAsync(app, "10.96.0.10", 9000));
        Assert.Equal("220 10.77.0.1\n", await HearAsync(app, "10.77.0.2", GreetPort));
        Assert.Equal("220 fd77::1\n", await HearAsync(app, "fd77::2", GreetPort));

        Assert.Equal(EchoBytes, await EchoAsync(outside, "10.77.0.1", EchoPort));
        Assert.Equal(EchoBytes, await EchoAsync(outside, "fd77::1", EchoPort));
        Assert.Equal("220 127.0.0.6\n", await HearAsync(outside, "10.77.0.1", GreetPort));
        Assert.Equal("220 ::6\n", await HearAsync(outside, "fd77::1", GreetPort));

        string log = await sidecar.StopAsync();
        Assert.Contains("outbound 10.77.0.2:7000 PassthroughCluster 10.77.0.2:7000 300000 300000", log, StringComparison.Ordinal);
        Assert.Contains("service 10.96.0.10:9000 svc 10.77.0.2:7000 300000 300000", log, StringComparison.Ordinal);
        Assert.Contains("inbound 10.77.0.1:7000 InboundPassthroughCluster 10.77.0.1:7000 300000 300000", log, StringComparison.Ordinal);
        Assert.Contains("inbound [fd77::1]:7001 InboundPassthroughCluster [fd77::1]:7001 0 8", log, StringComparison.Ordinal);
    }

    private static async Task<int> EchoAsync(NetworkNamespaceThread from, string host, int port)
    {
        using TcpClient client = await DialAsync(from, host, port);
        NetworkStream stream = client.GetStream();
        Task sending = SendAsync(client, stream);
        byte[] buffer = new byte[65536];
        int total = 0;
        while (await stream.ReadAsync(buffer, TestContext.Current.CancellationToken) is int count and > 0)
        {
            total += count;
        }

        await sending;
        return total;
    }

    private static async Task SendAsync(TcpClient client, NetworkStream stream)
    {
        await stream.WriteAsync(new byte[EchoBytes], TestContext.Current.CancellationToken);
        client.Client.Shutdown(SocketShutdown.Send);
    }

    private static async Task<string> HearAsync(NetworkNamespaceThread from, string host, int port)
    {
        using TcpClient client = await DialAsync(from, host, port);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
        return await reader.ReadLineAsync(TestContext.Current.CancellationToken) + "\n";
    }

    private static async Task<TcpClient> DialAsync(NetworkNamespaceThread from, string host, int port)
    {
        // A socket belongs to the namespace and the user of the thread that makes it; connecting may happen anywhere.
        bool v6 = host.Contains(':', StringComparison.Ordinal);
        TcpClient client = from.Run(() => new TcpClient(v6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork));
        await client.ConnectAsync(host, port, TestContext.Current.CancellationToken);
        return client;
    }

    private static string Listener(string name, string address, int port, string more, string label, string cluster) => $$"""
          - name: {{name}}
            address: { socket_address: { address: "{{address}}", port_value: {{port}} } }
        {{more}}
            filter_chains:
            - filters:
              - name: envoy.filters.network.tcp_proxy
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                  stat_prefix: {{cluster}}
                  cluster: {{cluster}}
                  access_log:
                  - name: file
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                      path: /dev/stdout
                      log_format:
                        text_format_source:
                          inline_string: "{{label}} %DOWNSTREAM_LOCAL_ADDRESS% %UPSTREAM_CLUSTER% %UPSTREAM_HOST% %BYTES_RECEIVED% %BYTES_SENT%\n"

        """;

    // As istiod writes them: virtualOutbound only sets use_original_dst, virtualInbound names the listener filter.
    private static string Captured(int port, string filters) => $$"""
            use_original_dst: true
            additional_addresses: [{ address: { socket_address: { address: "::", port_value: {{port}} } } }]
        {{filters}}
        """;

    private const string OriginalDestinationFilter = """
            listener_filters:
            - name: envoy.filters.listener.original_dst
              typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst }
        """;

    private static string Bootstrap =>
        "static_resources:\n  listeners:\n"
        + Listener("virtualOutbound", "0.0.0.0", 15001, Captured(15001, ""), "outbound", "PassthroughCluster")
        + Listener("10.96.0.10_9000", "10.96.0.10", 9000, "    bind_to_port: false", "service", "svc")
        + Listener("virtualInbound", "0.0.0.0", 15006, Captured(15006, OriginalDestinationFilter), "inbound", "InboundPassthroughCluster")
        + """
          clusters:
          - { name: PassthroughCluster, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED }
          - name: InboundPassthroughCluster
            type: ORIGINAL_DST
            lb_policy: CLUSTER_PROVIDED
            upstream_bind_config:
              source_address: { address: 127.0.0.6, port_value: 0 }
              extra_source_addresses: [{ address: { address: "::6", port_value: 0 } }]
          - name: svc
            type: STATIC
            load_assignment:
              cluster_name: svc
              endpoints:
              - lb_endpoints:
                - endpoint: { address: { socket_address: { address: 10.77.0.2, port_value: 7000 } } }
        """;
}
