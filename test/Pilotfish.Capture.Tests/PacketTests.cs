using System.Net.Sockets;
using Pilotfish.Runtime.Interop;
using static Pilotfish.Capture.Tests.CapturedPod;

namespace Pilotfish.Capture.Tests;

/// <summary>Who is captured and who is not, asked of real packets. Run once for each way to set rules.</summary>
public abstract class PacketTests(bool nftables)
{
    [Theory]
    [InlineData(PodV4, "10.99.0.1:8080")]
    [InlineData(PodV6, "[fd99::1]:8080")]
    public async Task Inbound_FromPeer_ReachesProxyWithOriginalDestination(string address, string original)
    {
        using var pod = new CapturedPod(nftables);
        Assert.Equal(0, pod.Capture("-b", "*").ExitCode);

        Assert.Equal("inbound " + original, await Dial(pod.Peer.Enter(), address, AppPort));
    }

    [Fact]
    public async Task Inbound_ExcludedPort_ReachesApp()
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-b", "*", "-d", "8080");

        Assert.StartsWith("app", await Dial(pod.Peer.Enter(), PodV4, AppPort), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inbound_ListedPortsOnly_LeavesOthersToApp()
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-b", "9999");

        Assert.StartsWith("app", await Dial(pod.Peer.Enter(), PodV4, AppPort), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inbound_ExcludedInterface_ReachesApp()
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-b", "*", "-c", "eth0");

        Assert.StartsWith("app", await Dial(pod.Peer.Enter(), PodV6, AppPort), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PeerV4, "10.99.0.2:8080")]
    [InlineData(PeerV6, "[fd99::2]:8080")]
    public async Task Outbound_FromApp_ReachesProxyWithOriginalDestination(string address, string original)
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-i", "*");

        Assert.Equal("outbound " + original, await Dial(AppOf(pod), address, AppPort));
    }

    [Theory]
    [InlineData(PeerV4)]
    [InlineData(PeerV6)]
    public async Task Outbound_FromProxy_GoesStraight(string address)
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-i", "*");

        Assert.StartsWith("peer", await Dial(ProxyOf(pod), address, AppPort), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("excluded port", "-i", "*", "-o", "8080")]
    [InlineData("excluded range", "-i", "*", "-x", "10.99.0.0/24")]
    [InlineData("range not included", "-i", "10.1.0.0/16", "-o", "1")]
    [InlineData("excluded interface", "-i", "*", "-c", "eth0")]
    public async Task Outbound_NotToBeCaptured_GoesStraight(string because, params string[] flags)
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture(flags);

        Assert.True((await Dial(AppOf(pod), PeerV4, AppPort)).StartsWith("peer", StringComparison.Ordinal), because);
    }

    [Fact]
    public async Task Outbound_ListedPortOutsideRanges_ReachesProxy()
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-i", "10.1.0.0/16", "-q", "8080");

        Assert.StartsWith("outbound", await Dial(AppOf(pod), PeerV4, AppPort), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Loopback_AppToItself_GoesStraight()
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-i", "*", "-b", "*");

        Assert.StartsWith("app", await Dial(AppOf(pod), "127.0.0.1", AppPort), StringComparison.Ordinal);
        Assert.StartsWith("app", await Dial(AppOf(pod), PodV4, AppPort), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PodV4)]
    [InlineData(PodV6)]
    public async Task Loopback_ProxyToOwnPod_EntersInbound(string address)
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-i", "*", "-b", "*");

        Assert.StartsWith("inbound", await Dial(ProxyOf(pod), address, AppPort), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PodV4, "127.0.0.6")]
    [InlineData(PodV6, "::6")]
    public async Task Loopback_FromInboundPassthroughSource_ReachesApp(string address, string source)
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-i", "*", "-b", "*");

        Assert.StartsWith("app", await Dial(ProxyOf(pod), address, AppPort, source), StringComparison.Ordinal);
    }

    [Fact]
    public async Task OwnerGroups_OnlyTheirTrafficIsCaptured()
    {
        using var pod = new CapturedPod(nftables);
        CommandRun.Of(
            ["-u", "1337", "--ipv6=true", "-i", "*", "--network-namespace", pod.Pod.Name, $"--native-nftables={nftables}"],
            new Dictionary<string, string> { ["ISTIO_OUTBOUND_OWNER_GROUPS"] = "2000,2001" });

        Assert.StartsWith("outbound", await Dial(pod.Pod.Enter(1000, 2001), PeerV4, AppPort), StringComparison.Ordinal);
        Assert.StartsWith("peer", await Dial(pod.Pod.Enter(1000, 1000), PeerV4, AppPort), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Udp_DnsToResolver_IsRedirectedAndOthersAreNot()
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-i", "*", "--redirect-dns", "--dns-servers", PeerV4);

        Assert.Equal("agent", await AskDns(pod, PeerV4, AppUser));
        Assert.Equal("resolver", await AskDns(pod, PeerV4, ProxyUser));
    }

    [Fact]
    public async Task Udp_DnsToAnotherServer_GoesStraightUnlessAllIsCaptured()
    {
        using var listed = new CapturedPod(nftables);
        listed.Capture("-i", "*", "--redirect-dns", "--dns-servers", "10.99.0.77");
        Assert.Equal("resolver", await AskDns(listed, PeerV4, AppUser));

        using var all = new CapturedPod(nftables);
        all.Capture("-i", "*", "--redirect-dns", "--capture-all-dns");
        Assert.Equal("agent", await AskDns(all, PeerV4, AppUser));
    }

    [Fact]
    public async Task Udp_DnsAnswer_ComesFromTheServerThatWasAsked()
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-i", "*", "--redirect-dns", "--dns-servers", PeerV4);
        using Socket agent = Datagrams(ProxyOf(pod), "127.0.0.1", 15053);
        using Socket resolver = Datagrams(pod.Peer.Enter(), PeerV4, 53);
        using Socket client = Datagrams(AppOf(pod), "0.0.0.0", 0);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5));
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
    public async Task OwnerGroups_Excluded_GoStraight()
    {
        using var pod = new CapturedPod(nftables);
        CommandRun.Of(
            ["-u", "1337", "--ipv6=true", "-i", "*", "--network-namespace", pod.Pod.Name, $"--native-nftables={nftables}"],
            new Dictionary<string, string> { ["ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE"] = "2000,2001" });

        Assert.StartsWith("peer", await Dial(pod.Pod.Enter(1000, 2001), PeerV4, AppPort), StringComparison.Ordinal);
        Assert.StartsWith("outbound", await Dial(pod.Pod.Enter(1000, 1000), PeerV4, AppPort), StringComparison.Ordinal);
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

    [Fact]
    public async Task Cleanup_AfterCapture_LetsEverythingGoStraight()
    {
        using var pod = new CapturedPod(nftables);
        pod.Capture("-i", "*", "-b", "*", "-m", "TPROXY");
        Assert.Equal(0, pod.Capture("-i", "*", "-b", "*", "-m", "TPROXY", "--cleanup-only").ExitCode);

        Assert.StartsWith("app", await Dial(pod.Peer.Enter(), PodV4, AppPort), StringComparison.Ordinal);
        Assert.StartsWith("peer", await Dial(AppOf(pod), PeerV4, AppPort), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tproxy_ExcludedPort_ReachesAppAndOutboundIsRedirected()
    {
        using var pod = new CapturedPod(nftables, transparent: true);
        pod.Capture("-i", "*", "-b", "*", "-d", "8080", "-m", "TPROXY");

        Assert.StartsWith("app", await Dial(pod.Peer.Enter(), PodV4, AppPort), StringComparison.Ordinal);
        Assert.Equal("outbound 10.99.0.2:8080", await Dial(AppOf(pod), PeerV4, AppPort));
    }

    [Theory]
    [InlineData(PodV4, "10.99.0.1:8080")]
    [InlineData(PodV6, "[fd99::1]:8080")]
    public async Task Tproxy_InboundFromPeer_ReachesProxyAtItsOwnAddress(string address, string original)
    {
        using var pod = new CapturedPod(nftables, transparent: true);
        Assert.Equal(0, pod.Capture("-b", "*", "-m", "TPROXY").ExitCode);

        Assert.Equal("inbound " + original, await Dial(pod.Peer.Enter(), address, AppPort));
    }

    private static NetworkNamespaceThread AppOf(CapturedPod pod) => pod.Pod.Enter(AppUser, AppUser);

    private static NetworkNamespaceThread ProxyOf(CapturedPod pod) => pod.Pod.Enter(ProxyUser, ProxyUser);

    private static async Task<string> AskDns(CapturedPod pod, string server, uint user)
    {
        using Socket agent = Datagrams(pod.Pod.Enter(ProxyUser, ProxyUser), "127.0.0.1", 15053);
        using Socket resolver = Datagrams(pod.Peer.Enter(), PeerV4, 53);
        using Socket client = Datagrams(pod.Pod.Enter(user, user), "0.0.0.0", 0);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        await client.SendToAsync(new byte[] { 1 }, new System.Net.IPEndPoint(System.Net.IPAddress.Parse(server), 53), deadline.Token);
        Task<int> toAgent = agent.ReceiveAsync(new byte[16], deadline.Token).AsTask();
        Task<int> toResolver = resolver.ReceiveAsync(new byte[16], deadline.Token).AsTask();
        Task<int> first = await Task.WhenAny(toAgent, toResolver);
        await first;

        // The other one must be over before its socket is closed: a port whose socket is in use stays bound.
        await deadline.CancelAsync();
        await Task.WhenAll(toAgent, toResolver).ContinueWith(static _ => { }, TaskScheduler.Default);
        return first == toAgent ? "agent" : "resolver";
    }

    private static Socket Datagrams(NetworkNamespaceThread inside, string address, int port)
    {
        Socket socket = inside.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Parse(address), port));
        return socket;
    }
}
