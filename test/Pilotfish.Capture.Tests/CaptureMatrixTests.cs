using System.Net.Sockets;
using static Pilotfish.Capture.Tests.CapturedPod;

namespace Pilotfish.Capture.Tests;

/// <summary>
/// Who is captured and who is not, asked of real packets, for both modes and both families; run once for iptables and once for
/// nftables. docs/design/capture.md lists the cells.
/// </summary>
public abstract class CaptureMatrixTests(bool nftables)
{
    public static TheoryData<string, bool> Cells => new()
    {
        { "REDIRECT", false },
        { "REDIRECT", true },
        { "TPROXY", false },
        { "TPROXY", true },
    };

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Inbound_AnyPort_ReachesTheProxyWithItsOriginalDestination(string mode, bool v6)
    {
        using MatrixPod pod = Open(mode, v6);
        pod.Capture("-b", "*", "-i", "*");

        Assert.Equal(pod.InboundToSelf, await pod.FromPeer());
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Inbound_ListedPort_ReachesTheProxy(string mode, bool v6)
    {
        using MatrixPod pod = Open(mode, v6);
        pod.Capture("-b", "9999,8080");

        Assert.Equal(pod.InboundToSelf, await pod.FromPeer());
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Inbound_PortThatIsNotListed_ReachesTheApp(string mode, bool v6)
    {
        using MatrixPod pod = Open(mode, v6);
        pod.Capture("-b", "9999");

        Assert.StartsWith("app", await pod.FromPeer(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Inbound_ExcludedPort_ReachesTheApp(string mode, bool v6)
    {
        using MatrixPod pod = Open(mode, v6);
        pod.Capture("-b", "*", "-d", "15090,8080");

        Assert.StartsWith("app", await pod.FromPeer(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Inbound_ExcludedInterface_ReachesTheApp(string mode, bool v6)
    {
        using MatrixPod pod = Open(mode, v6);
        pod.Capture("-b", "*", "-c", "eth0");

        Assert.StartsWith("app", await pod.FromPeer(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Outbound_OfTheApp_ReachesTheProxyWithItsOriginalDestination(string mode, bool v6)
    {
        using MatrixPod pod = Open(mode, v6);
        pod.Capture("-b", "*", "-i", "*");

        Assert.Equal(pod.OutboundToPeer, await pod.FromPod(AppUser, AppUser, pod.Peer));
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Outbound_OfTheProxysUserOrGroup_GoesStraight(string mode, bool v6)
    {
        using MatrixPod pod = Open(mode, v6);
        pod.Capture("-b", "*", "-i", "*");

        Assert.StartsWith("peer", await pod.FromPod(ProxyUser, AppUser, pod.Peer), StringComparison.Ordinal);
        Assert.StartsWith("peer", await pod.FromPod(0, ProxyUser, pod.Peer), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Outbound_RangesAndPorts_DecideWhatIsCaptured(string mode, bool v6)
    {
        (string Because, bool Captured, Func<MatrixPod, string[]> Flags)[] rows =
        [
            ("range included", true, pod => ["-i", pod.PeerRange]),
            ("range not included", false, pod => ["-i", pod.OtherRange]),
            ("range excluded", false, pod => ["-i", "*", "-x", pod.PeerRange]),
            ("other range excluded", true, pod => ["-i", "*", "-x", pod.OtherRange]),
            ("port excluded", false, pod => ["-i", "*", "-o", "8080"]),
            ("port listed outside of the ranges", true, pod => ["-i", pod.OtherRange, "-q", "8080"]),
            ("other port listed", false, pod => ["-i", pod.OtherRange, "-q", "9999"]),
            ("interface excluded", false, pod => ["-i", "*", "-c", "eth0"]),
            ("other interface excluded", true, pod => ["-i", "*", "-c", "eth7"]),
        ];
        foreach ((string because, bool captured, Func<MatrixPod, string[]> flags) in rows)
        {
            using MatrixPod pod = Open(mode, v6);
            pod.Capture(["-b", "*", .. flags(pod)]);

            string reached = await pod.FromPod(AppUser, AppUser, pod.Peer);

            Assert.True(reached.StartsWith(captured ? "outbound" : "peer", StringComparison.Ordinal), $"{because}: {reached}");
        }
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Outbound_OwnerGroups_DecideWhoIsCaptured(string mode, bool v6)
    {
        using (MatrixPod pod = Open(mode, v6))
        {
            pod.CaptureWith(new Dictionary<string, string> { ["ISTIO_OUTBOUND_OWNER_GROUPS"] = "2000,2001" }, "-b", "*", "-i", "*");

            Assert.Equal(pod.OutboundToPeer, await pod.FromPod(AppUser, 2001, pod.Peer));
            Assert.StartsWith("peer", await pod.FromPod(AppUser, AppUser, pod.Peer), StringComparison.Ordinal);
        }

        using (MatrixPod pod = Open(mode, v6))
        {
            pod.CaptureWith(new Dictionary<string, string> { ["ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE"] = "2000,2001" }, "-b", "*", "-i", "*");

            Assert.StartsWith("peer", await pod.FromPod(AppUser, 2001, pod.Peer), StringComparison.Ordinal);
            Assert.Equal(pod.OutboundToPeer, await pod.FromPod(AppUser, AppUser, pod.Peer));
        }
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Loopback_OfTheApp_StaysWithTheApp(string mode, bool v6)
    {
        using MatrixPod pod = Open(mode, v6);
        pod.Capture("-b", "*", "-i", "*");

        Assert.StartsWith("app", await pod.FromPod(AppUser, AppUser, pod.Loopback), StringComparison.Ordinal);
        Assert.StartsWith("app", await pod.FromPod(AppUser, AppUser, pod.Own), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Loopback_OfTheProxyToItsOwnAddress_EntersInbound(string mode, bool v6)
    {
        using MatrixPod pod = Open(mode, v6);
        pod.Capture("-b", "*", "-i", "*");

        // With TPROXY the proxy runs as root and is told by its group; with REDIRECT the rule about other users comes before the group's.
        Assert.StartsWith("inbound", await pod.FromPod(ProxyUser, AppUser, pod.Own), StringComparison.Ordinal);
        Assert.StartsWith(mode == "TPROXY" ? "inbound" : "app", await pod.FromPod(0, ProxyUser, pod.Own), StringComparison.Ordinal);
        Assert.StartsWith("app", await pod.FromPod(ProxyUser, ProxyUser, pod.Loopback), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Loopback_FromTheInboundPassthroughSource_ReachesTheApp(string mode, bool v6)
    {
        using MatrixPod pod = Open(mode, v6);
        pod.Capture("-b", "*", "-i", "*");

        Assert.StartsWith("app", await pod.FromPod(ProxyUser, ProxyUser, pod.Own, pod.PassthroughSource), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Dns_ToTheResolver_ReachesTheAgentUnlessTheProxyAsks(string mode, bool v6)
    {
        foreach (ProtocolType protocol in new[] { ProtocolType.Udp, ProtocolType.Tcp })
        {
            using MatrixPod pod = Open(mode, v6);
            pod.Capture("-b", "*", "-i", pod.OtherRange, "--redirect-dns", "--dns-servers", pod.Peer);

            Assert.Equal((protocol, "agent"), (protocol, await pod.AskDns(protocol, AppUser, AppUser)));
            Assert.Equal((protocol, "resolver"), (protocol, await pod.AskDns(protocol, ProxyUser, ProxyUser)));
        }
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Dns_ToAnotherServer_GoesStraightUnlessAllIsCaptured(string mode, bool v6)
    {
        foreach (ProtocolType protocol in new[] { ProtocolType.Udp, ProtocolType.Tcp })
        {
            using MatrixPod listed = Open(mode, v6);
            listed.Capture("-b", "*", "-i", listed.OtherRange, "--redirect-dns", "--dns-servers", listed.OtherServer);
            Assert.Equal((protocol, "resolver"), (protocol, await listed.AskDns(protocol, AppUser, AppUser)));

            using MatrixPod all = Open(mode, v6);
            all.Capture("-b", "*", "-i", all.OtherRange, "--redirect-dns", "--capture-all-dns");
            Assert.Equal((protocol, "agent"), (protocol, await all.AskDns(protocol, AppUser, AppUser)));
        }
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Cleanup_AfterEverything_LeavesNoTrace(string mode, bool v6)
    {
        string[] everything =
        [
            "-b", "*", "-i", "*", "-d", "15090", "-o", "9", "-c", "eth7", "-k", "eth8", "--redirect-dns", "--capture-all-dns", "--drop-invalid",
        ];
        using MatrixPod pod = Open(mode, v6);
        string before = pod.State();
        pod.Capture(everything);
        Assert.NotEqual(before, pod.State());

        pod.Capture([.. everything, "--cleanup-only"]);

        Assert.Equal(before, pod.State());
        Assert.StartsWith("app", await pod.FromPeer(), StringComparison.Ordinal);
        Assert.StartsWith("peer", await pod.FromPod(AppUser, AppUser, pod.Peer), StringComparison.Ordinal);
    }

    private MatrixPod Open(string mode, bool v6) => new(nftables, mode, v6);
}
