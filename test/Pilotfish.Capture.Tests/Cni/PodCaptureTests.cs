using System.Collections.Immutable;
using Pilotfish.Capture.Cni.Pods;
using Pilotfish.Capture.Command;
using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Tests.Cni;

public sealed class PodCaptureTests
{
    [Fact]
    public void Injected_WithoutOtherAnnotations_HasIstiosDefaults()
    {
        var call = new CniCall();
        call.Run();

        IptablesOptions options = call.Applied!;
        Assert.Equal("/proc/self/ns/net", options.NetworkNamespace);
        Assert.True(options.CniMode);
        Assert.False(options.NativeNftables);
        CaptureConfig capture = options.Capture;
        Assert.Equal(InterceptionMode.Redirect, capture.InboundMode);
        Assert.True(capture.OutboundCidrs.IsWildcard);
        Assert.True(capture.InboundPorts.IsWildcard);
        Assert.Equal<ushort>([15020, 15021, 15090], capture.InboundPortsExcluded);
        Assert.Equal<ushort>([15020], capture.OutboundPortsExcluded);
        Assert.Equal(["1337"], capture.ProxyUids);
        Assert.False(capture.RedirectDns);
    }

    [Fact]
    public void Annotations_AllOfThem_BecomeRules()
    {
        var call = new CniCall()
            .Annotated("sidecar.istio.io/interceptionMode", "TPROXY")
            .Annotated("traffic.sidecar.istio.io/includeOutboundIPRanges", "10.0.0.0/8,fd00::/8")
            .Annotated("traffic.sidecar.istio.io/excludeOutboundIPRanges", "10.1.0.0/16")
            .Annotated("traffic.sidecar.istio.io/includeInboundPorts", "80,443")
            .Annotated("traffic.sidecar.istio.io/excludeInboundPorts", "9000, 15021")
            .Annotated("traffic.sidecar.istio.io/includeOutboundPorts", "5432")
            .Annotated("traffic.sidecar.istio.io/excludeOutboundPorts", "6379")
            .Annotated("traffic.sidecar.istio.io/excludeInterfaces", "net1")
            .Annotated("traffic.sidecar.istio.io/kubevirtInterfaces", "old0")
            .Annotated("istio.io/reroute-virtual-interfaces", "new0");
        call.Run();

        CaptureConfig capture = call.Applied!.Capture;
        Assert.Equal(InterceptionMode.Tproxy, capture.InboundMode);
        Assert.Equal("10.0.0.0/8", Assert.Single(capture.OutboundCidrs.V4).ToString());
        Assert.Equal("fd00::/8", Assert.Single(capture.OutboundCidrs.V6).ToString());
        Assert.Equal("10.1.0.0/16", Assert.Single(capture.OutboundCidrsExcluded.V4).ToString());
        Assert.Equal<ushort>([80, 443], capture.InboundPorts.Ports);
        Assert.Equal<ushort>([9000, 15021, 15020, 15090], capture.InboundPortsExcluded);
        Assert.Equal<ushort>([5432], capture.OutboundPorts);
        Assert.Equal<ushort>([6379], capture.OutboundPortsExcluded);
        Assert.Equal(["net1"], capture.InterfacesExcluded);
        Assert.Equal(["new0"], capture.InterfacesRerouted);
    }

    [Fact]
    public void ProxyVariables_TurnOnDnsDualStackAndDropInvalid()
    {
        var call = new CniCall()
            .WithVariable("ISTIO_META_DNS_CAPTURE", "true")
            .WithVariable("ISTIO_DUAL_STACK", "1")
            .WithVariable("INVALID_DROP", "T");
        call.Run();

        Assert.True(call.Applied!.Capture is { RedirectDns: true, CaptureAllDns: true, DropInvalid: true });
        Assert.True(call.Applied.DualStack);
    }

    [Fact]
    public void ProxyVariable_ThatSaysNeither_IsIgnoredWithAWarning()
    {
        var call = new CniCall().WithVariable("INVALID_DROP", "perhaps");
        call.Run();

        Assert.False(call.Applied!.Capture.DropInvalid);
        Assert.Contains("INVALID_DROP", call.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, null, "1337", "1337")]
    [InlineData(0L, 1337L, "1337", "1337")]
    [InlineData(1000860000L, 1000860001L, "1000860000", "1000860001")]
    public void Owner_OfTheProxy_IsExempt(long? user, long? group, string uid, string gid)
    {
        var call = new CniCall();
        call.Pod = call.Pod with { ProxyUser = user, ProxyGroup = group };
        call.Run();

        Assert.Equal<ImmutableArray<string>>([uid], call.Applied!.Capture.ProxyUids);
        Assert.Equal<ImmutableArray<string>>([gid], call.Applied.Capture.ProxyGids);
    }

    [Fact]
    public void NativeNftables_InConfig_IsPassedOn()
    {
        var call = new CniCall { Config = """{"cniVersion": "1.0.0", "native_nftables": true}""" };
        call.Run();

        Assert.True(call.Applied!.NativeNftables);
    }

    [Theory]
    [InlineData("no Kubernetes pod", "CNI_ARGS", "IgnoreUnknown=1")]
    [InlineData("namespace is excluded", "CNI_ARGS", "K8S_POD_NAMESPACE=kube-system;K8S_POD_NAME=dns")]
    [InlineData("own istio-cni pod", "CNI_ARGS", "K8S_POD_NAMESPACE=istio-system;K8S_POD_NAME=istio-cni-node-x7k2p")]
    public void Pod_LeftAloneByName_IsNotEvenAskedFor(string said, string variable, string value)
    {
        var call = new CniCall().With(variable, value);

        Assert.Equal(0, call.Run().ExitCode);
        Assert.Equal(0, call.Lookups);
        Assert.Null(call.Applied);
        Assert.Contains(said, call.Log, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> PodsLeftAlone() => new()
    {
        { "istio-init", """{"spec": {"initContainers": [{"name": "istio-init"}], "containers": [{"name": "istio-proxy"}]}}""" },
        { "DISABLE_ENVOY", """{"spec": {"containers": [{"name": "istio-proxy", "env": [{"name": "DISABLE_ENVOY", "value": "t"}]}]}}""" },
        { "no container 'istio-proxy'", """{"spec": {"containers": [{"name": "app"}]}}""" },
        { "'router'", """{"spec": {"containers": [{"name": "istio-proxy", "args": ["proxy", "router"]}]}}""" },
        { "says 'F'", """{"metadata": {"labels": {"sidecar.istio.io/inject": "F"}, "annotations": {"sidecar.istio.io/inject": "true", "sidecar.istio.io/status": "{}"}}, "spec": {"containers": [{"name": "istio-proxy"}]}}""" },
        { "says '0'", """{"metadata": {"annotations": {"sidecar.istio.io/inject": "0", "sidecar.istio.io/status": "{}"}}, "spec": {"containers": [{"name": "istio-proxy"}]}}""" },
        { "no annotation", """{"spec": {"containers": [{"name": "istio-proxy"}]}}""" },
    };

    [Theory]
    [MemberData(nameof(PodsLeftAlone))]
    public void Pod_LeftAloneByItsFacts_SucceedsWithoutRules(string said, string pod)
    {
        var call = new CniCall { Pod = PodJson.Parse(System.Text.Encoding.UTF8.GetBytes(pod)) };

        Assert.Equal(0, call.Run().ExitCode);
        Assert.Null(call.Applied);
        Assert.Contains(said, call.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Pod_NativeSidecarAmongInitContainers_IsCaptured()
    {
        var call = new CniCall
        {
            Pod = PodJson.Parse("""
                {"metadata": {"annotations": {"sidecar.istio.io/status": "{}"}},
                 "spec": {"initContainers": [{"name": "istio-validation"},
                                             {"name": "istio-proxy", "args": ["proxy", "sidecar"],
                                              "securityContext": {"runAsUser": 1500, "runAsGroup": 1501}}],
                          "containers": [{"name": "app"}]}}
                """u8.ToArray()),
        };
        call.Run();

        Assert.Equal<ImmutableArray<string>>(["1500"], call.Applied!.Capture.ProxyUids);
    }

    [Theory]
    [InlineData("sidecar.istio.io/interceptionMode", "NONE")]
    [InlineData("sidecar.istio.io/interceptionMode", "")]
    [InlineData("traffic.sidecar.istio.io/includeOutboundIPRanges", "10.0.0.0/8 -j ACCEPT")]
    [InlineData("traffic.sidecar.istio.io/excludeOutboundIPRanges", "$(reboot)")]
    [InlineData("traffic.sidecar.istio.io/includeInboundPorts", "80;reboot")]
    [InlineData("traffic.sidecar.istio.io/excludeInboundPorts", "http")]
    [InlineData("traffic.sidecar.istio.io/includeOutboundPorts", "70000")]
    [InlineData("traffic.sidecar.istio.io/excludeInterfaces", "eth0 -j")]
    [InlineData("istio.io/reroute-virtual-interfaces", "a`id`")]
    public void Annotation_ThatIsBad_FailsTheAddAndIsNamed(string annotation, string value)
    {
        var call = new CniCall().Annotated(annotation, value);

        CniReply reply = call.Run();

        Assert.Equal(101, reply.ErrorCode);
        Assert.Contains($"annotation '{annotation}'", reply.ErrorText, StringComparison.Ordinal);
        Assert.Contains("shop/web-0", reply.ErrorText, StringComparison.Ordinal);
        Assert.Null(call.Applied);
    }

    [Fact]
    public void Annotation_ControlCharacters_DoNotReachTheMessage()
    {
        CniReply reply = new CniCall().Annotated("traffic.sidecar.istio.io/includeInboundPorts", "80\u001b[2J").Run();

        Assert.Contains("80\\x1b[2J", reply.ErrorText, StringComparison.Ordinal);
    }

    [Fact]
    public void Lookup_FailsForAWhile_IsTriedAgainEachSecond()
    {
        var call = new CniCall { LookupFailures = 3 };

        Assert.Equal(0, call.Run().ExitCode);
        Assert.Equal(TimeSpan.FromSeconds(3), call.Waited);
        Assert.NotNull(call.Applied);
    }

    [Fact]
    public void Lookup_NeverSucceeds_FailsAfterThirtyTries()
    {
        var call = new CniCall { LookupFailures = int.MaxValue };

        CniReply reply = call.Run();

        Assert.Equal(100, reply.ErrorCode);
        Assert.Equal(30, call.Lookups);
        Assert.Contains("The API is away.", reply.ErrorText, StringComparison.Ordinal);
    }

    [Fact]
    public void Rules_CannotBeSet_IsAnErrorWithItsCause()
    {
        CniReply reply = new CniCall { Apply = _ => throw new CaptureException("no nat here") }.Run();

        Assert.Equal(102, reply.ErrorCode);
        Assert.Contains("no nat here", reply.ErrorText, StringComparison.Ordinal);
    }
}
