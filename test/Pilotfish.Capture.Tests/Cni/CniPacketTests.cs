using static Pilotfish.Capture.Tests.CapturedPod;

namespace Pilotfish.Capture.Tests.Cni;

/// <summary>The plugin called for a real network namespace; the pod's own processes have no NET_ADMIN and set nothing.</summary>
public sealed class CniPacketTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Add_RealNamespace_CapturesItsProcesses(bool nftables)
    {
        using var pod = new CapturedPod(nftables);

        Assert.Equal(0, Call(pod, nftables).Run().ExitCode);

        Assert.Equal("outbound 10.99.0.2:8080", await Dial(pod.Pod.Enter(AppUser, AppUser), PeerV4, AppPort));
        Assert.Equal("outbound [fd99::2]:8080", await Dial(pod.Pod.Enter(AppUser, AppUser), PeerV6, AppPort));
        Assert.Equal("inbound 10.99.0.1:8080", await Dial(pod.Peer.Enter(), PodV4, AppPort));
        Assert.StartsWith("peer", await Dial(pod.Pod.Enter(ProxyUser, ProxyUser), PeerV4, AppPort), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Add_Tproxy_CapturesInboundAtItsOwnAddress(bool nftables)
    {
        using var pod = new CapturedPod(nftables, transparent: true);

        Assert.Equal(0, Call(pod, nftables).Annotated("sidecar.istio.io/interceptionMode", "TPROXY").Run().ExitCode);

        Assert.Equal("inbound 10.99.0.1:8080", await Dial(pod.Peer.Enter(), PodV4, AppPort));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Add_TwiceThenDel_LeavesOneSetOfRules(bool nftables)
    {
        using var pod = new CapturedPod(nftables);
        Assert.Equal(0, Call(pod, nftables).Run().ExitCode);
        string once = Rules(pod, nftables);

        Assert.Equal(0, Call(pod, nftables).Run().ExitCode);
        Assert.Equal(once, Rules(pod, nftables));

        Assert.Equal(0, Call(pod, nftables).With("CNI_COMMAND", "DEL").Run().ExitCode);
        Assert.Equal(once, Rules(pod, nftables));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Add_AfterOtherAnnotations_ReplacesTheRules(bool nftables)
    {
        using var pod = new CapturedPod(nftables);
        Call(pod, nftables).Annotated("traffic.sidecar.istio.io/includeInboundPorts", "9999").Run();

        Assert.Equal(0, Call(pod, nftables).Run().ExitCode);

        Assert.DoesNotContain("9999", Rules(pod, nftables), StringComparison.Ordinal);
    }

    [Fact]
    public void Add_NamespaceThatIsNone_FailsWithItsPath()
    {
        CniReply reply = new CniCall { Apply = Real }.With("CNI_NETNS", "/run/netns/gone").Run();

        Assert.Equal(101, reply.ErrorCode);
        Assert.Contains("CNI_NETNS: '/run/netns/gone'", reply.ErrorText, StringComparison.Ordinal);
    }

    private static void Real(Pilotfish.Capture.Command.IptablesOptions options) => IptablesCommand.Run(options, TextWriter.Null, TextWriter.Null);

    private static CniCall Call(CapturedPod pod, bool nftables) =>
        new CniCall
        {
            Apply = Real,
            Config = $$"""{"cniVersion": "1.0.0", "name": "n", "type": "istio-cni", "native_nftables": {{(nftables ? "true" : "false")}}}""",
        }
        .With("CNI_NETNS", pod.Pod.Path)
        .WithVariable("ISTIO_DUAL_STACK", "true");

    private static string Rules(CapturedPod pod, bool nftables) => nftables
        ? pod.Pod.Run("nft", "--stateless", "list", "ruleset")
        : string.Join('\n', (pod.Pod.Run("iptables-save") + pod.Pod.Run("ip6tables-save")).Split('\n')
            .Where(line => line.StartsWith("-A", StringComparison.Ordinal)));
}
