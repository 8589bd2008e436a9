using System.Net.Sockets;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;
using static Pilotfish.Capture.Tests.CapturedPod;

namespace Pilotfish.Capture.Tests;

/// <summary>What is true of captured packets in one mode or family only; the rest is in <see cref="CaptureMatrixTests"/>.</summary>
public abstract class PacketTests(bool nftables)
{
    [Fact]
    public async Task Udp_DnsAnswer_ComesFromTheServerThatWasAsked()
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-i", "*", "--redirect-dns", "--dns-servers", PeerV4);
        using Socket agent = Datagrams(ProxyOf(pod), "127.0.0.1", 15053);
        using Socket resolver = Datagrams(pod.Peer.Enter(), PeerV4, 53);
        using Socket client = Datagrams(AppOf(pod), "0.0.0.0", 0);
        using var deadline = new CancellationTokenSource(Patience.Limit);
        var server = new System.Net.IPEndPoint(System.Net.IPAddress.Parse(PeerV4), 53);
        var anyone = new System.Net.IPEndPoint(System.Net.IPAddress.Any, 0);
        byte[] buffer = new byte[16];

        await client.SendToAsync(new byte[] { 1 }, server, deadline.Token);
        SocketReceiveFromResult asked = await agent.ReceiveFromAsync(buffer, anyone, deadline.Token);

        // The agent's own question meanwhile goes to the resolver: the zones keep the two apart.
        using Socket upstream = Datagrams(ProxyOf(pod), "0.0.0.0", 0);
        await upstream.SendToAsync(new byte[] { 2 }, server, deadline.Token);
        SocketReceiveFromResult forwarded = await resolver.ReceiveFromAsync(buffer, anyone, deadline.Token);
        await resolver.SendToAsync(new byte[] { 3 }, forwarded.RemoteEndPoint, deadline.Token);
        await upstream.ReceiveFromAsync(buffer, anyone, deadline.Token);
        Assert.Equal(3, buffer[0]);

        await agent.SendToAsync(new byte[] { 4 }, asked.RemoteEndPoint, deadline.Token);
        SocketReceiveFromResult answer = await client.ReceiveFromAsync(buffer, anyone, deadline.Token);
        Assert.Equal((4, server), (buffer[0], (System.Net.IPEndPoint)answer.RemoteEndPoint));
    }

    [Fact]
    public async Task Rerouted_Interface_CountsAsOutbound()
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-i", "*", "-b", "*", "-k", "eth0");

        Assert.StartsWith("outbound", await Dial(pod.Peer.Enter(), PodV4, AppPort), StringComparison.Ordinal);
    }

    [Fact]
    public async Task DropInvalid_GoodConnections_StillPass()
    {
        using var pod = new CapturedPod(nftables);
        Assert.Equal(0, pod.Capture("-i", "*", "-b", "*", "--drop-invalid").ExitCode);

        Assert.StartsWith("inbound", await Dial(pod.Peer.Enter(), PodV4, AppPort), StringComparison.Ordinal);
        Assert.StartsWith("outbound", await Dial(AppOf(pod), PeerV6, AppPort), StringComparison.Ordinal);
    }

    private static NetworkNamespaceThread AppOf(CapturedPod pod) => pod.Pod.Enter(AppUser, AppUser);

    private static NetworkNamespaceThread ProxyOf(CapturedPod pod) => pod.Pod.Enter(ProxyUser, ProxyUser);

    private static Socket Datagrams(NetworkNamespaceThread inside, string address, int port)
    {
        Socket socket = inside.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Parse(address), port));
        return socket;
    }
}
