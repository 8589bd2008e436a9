using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection;

namespace Pilotfish.ControlPlane.Tests.Injection;

public sealed class AnnotationValidatorTests
{
    [Theory]
    [InlineData("sidecar.istio.io/interceptionMode", "redirect", "interceptionMode")]
    [InlineData("status.sidecar.istio.io/port", "65536", "port")]
    [InlineData("status.sidecar.istio.io/port", "1; rm -rf /", "port")]
    [InlineData("readiness.status.sidecar.istio.io/periodSeconds", "-1", "whole number")]
    [InlineData("readiness.status.sidecar.istio.io/failureThreshold", "4294967296", "whole number")]
    [InlineData("traffic.sidecar.istio.io/includeOutboundIPRanges", "10.0.0.0/8,*", "includeIPRanges")]
    [InlineData("traffic.sidecar.istio.io/includeOutboundIPRanges", "10.0.0.0/33", "includeIPRanges")]
    [InlineData("traffic.sidecar.istio.io/excludeOutboundIPRanges", "*", "excludeIPRanges")]
    [InlineData("traffic.sidecar.istio.io/excludeOutboundIPRanges", "10.1/16", "excludeIPRanges")]
    [InlineData("traffic.sidecar.istio.io/excludeOutboundIPRanges", "10.0.0.0/8 -j ACCEPT", "excludeIPRanges")]
    [InlineData("traffic.sidecar.istio.io/excludeOutboundIPRanges", "$(id)/8", "excludeIPRanges")]
    [InlineData("traffic.sidecar.istio.io/includeInboundPorts", "80,*", "includeInboundPorts")]
    [InlineData("traffic.sidecar.istio.io/excludeInboundPorts", "*", "excludeInboundPorts")]
    [InlineData("traffic.sidecar.istio.io/excludeOutboundPorts", "80,x", "excludeOutboundPorts")]
    [InlineData("traffic.sidecar.istio.io/includeOutboundPorts", "80\u0007", "control characters")]
    [InlineData("traffic.sidecar.istio.io/excludeInterfaces", "eth0,`id`", "interface")]
    [InlineData("traffic.sidecar.istio.io/excludeInterfaces", "averyverylongname0", "interface")]
    [InlineData("istio.io/reroute-virtual-interfaces", "net1,", "interface")]
    [InlineData("prometheus.istio.io/merge-metrics", "maybe", "boolean")]
    [InlineData("proxy.istio.io/config", "concurrencyy: 2", "concurrencyy")]
    [InlineData("proxy.istio.io/config", "proxyAdminPort: 99999", "proxyAdminPort")]
    [InlineData("proxy.istio.io/config", "discoveryAddress: nowhere", "discoveryAddress")]
    [InlineData("proxy.istio.io/config", "{", "parse proxy config")]
    [InlineData("sidecar.istio.io/proxyCPU", "lots", "quantity")]
    [InlineData("sidecar.istio.io/proxyMemory", "1Gi\nlimits: {}", "control characters")]
    public void Check_OfAHostileOrWrongValue_NamesAnnotationAndReason(string name, string value, string reason)
    {
        var e = Assert.Throws<InjectionException>(() => Check(name, value));

        Assert.Contains($"for annotation '{name}'", e.Message, StringComparison.Ordinal);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(e.Message, char.IsControl);
    }

    [Theory]
    [InlineData("sidecar.istio.io/interceptionMode", "NONE")]
    [InlineData("status.sidecar.istio.io/port", " 0 ")]
    [InlineData("traffic.sidecar.istio.io/includeOutboundIPRanges", "*")]
    [InlineData("traffic.sidecar.istio.io/includeOutboundIPRanges", "10.0.0.1/8,fd00::/8")]
    [InlineData("traffic.sidecar.istio.io/excludeOutboundIPRanges", "")]
    [InlineData("traffic.sidecar.istio.io/includeInboundPorts", "*")]
    [InlineData("traffic.sidecar.istio.io/excludeInboundPorts", "80, 443")]
    [InlineData("traffic.sidecar.istio.io/excludeInterfaces", "eth0.100, net-1")]
    [InlineData("prometheus.istio.io/merge-metrics", "T")]
    [InlineData("proxy.istio.io/config", "concurrency: 2\ntracing: {sampling: 10}")]
    [InlineData("sidecar.istio.io/proxyCPU", "100m")]
    [InlineData("sidecar.istio.io/something-unknown", "anything")]
    public void Check_OfAGoodValue_Passes(string name, string value)
    {
        Check(name, value);
    }

    [Fact]
    public void Check_OfAHugeList_IsRefusedWithAShortMessage()
    {
        var e = Assert.Throws<InjectionException>(() => Check(
            "traffic.sidecar.istio.io/excludeOutboundPorts", string.Join(',', Enumerable.Repeat("80", 100_000))));

        Assert.InRange(e.Message.Length, 1, 500);
    }

    [Fact]
    public void Check_OfSeveralFaults_NamesAll()
    {
        var annotations = Yaml.Map("{sidecar.istio.io/proxyCPU: x, sidecar.istio.io/proxyMemory: y}");

        var e = Assert.Throws<InjectionException>(() => AnnotationValidator.Check(annotations));

        Assert.Contains("proxyCPU", e.Message, StringComparison.Ordinal);
        Assert.Contains("proxyMemory", e.Message, StringComparison.Ordinal);
    }

    private static void Check(string name, string value)
    {
        var annotations = new YamlMapping();
        annotations.Set(name, value);
        AnnotationValidator.Check(annotations);
    }
}
