using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection;

namespace Pilotfish.ControlPlane.Tests.Injection;

public sealed class AnnotationValidatorTests
{
    [Theory]
    [InlineData("sidecar.istio.io/interceptionMode", "redirect", "interceptionMode")]
    [InlineData("status.sidecar.istio.io/port", "65536", "port")]
    [InlineData("status.sidecar.istio.io/port", "80\u0000", "port")]
    [InlineData("status.sidecar.istio.io/port", "+80", "port")]
    [InlineData("traffic.sidecar.istio.io/includeOutboundIPRanges", "10.0.0.0/8\u0000", "includeIPRanges")]
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
    [InlineData("traffic.sidecar.istio.io/includeOutboundPorts", "80\u0007", "includeOutboundPorts")]
    [InlineData("traffic.sidecar.istio.io/excludeInterfaces", "eth0,`id`", "interface")]
    [InlineData("traffic.sidecar.istio.io/excludeInterfaces", "averyverylongname0", "interface")]
    [InlineData("istio.io/reroute-virtual-interfaces", "net1,", "interface")]
    [InlineData("prometheus.istio.io/merge-metrics", "maybe", "boolean")]
    [InlineData("proxy.istio.io/config", "concurrencyy: 2", "concurrencyy")]
    [InlineData("proxy.istio.io/config", "proxyAdminPort: 99999", "proxyAdminPort")]
    [InlineData("proxy.istio.io/config", "discoveryAddress: nowhere", "discoveryAddress")]
    [InlineData("proxy.istio.io/config", "{", "parse proxy config")]
    [InlineData("readiness.status.sidecar.istio.io/initialDelaySeconds", "1s", "whole number")]
    [InlineData("readiness.status.sidecar.istio.io/applicationPorts", "80\u000081", "control characters")]
    [InlineData("traffic.sidecar.istio.io/includeOutboundPorts", "80;id", "includeOutboundPorts")]
    [InlineData("traffic.sidecar.istio.io/kubevirtInterfaces", "net1 -j DROP", "interface")]
    [InlineData("sidecar.istio.io/proxyCPULimit", "1 core", "quantity")]
    [InlineData("sidecar.istio.io/proxyMemoryLimit", "$(id)", "quantity")]
    [InlineData("sidecar.istio.io/proxyImage", "x\"\n  privileged: true", "image name")]
    [InlineData("sidecar.istio.io/proxyImageType", "debug }}", "suffix")]
    [InlineData("sidecar.istio.io/logLevel", "debug\n- --x", "log level")]
    [InlineData("sidecar.istio.io/componentLogLevel", "misc:error `id`", "log level")]
    [InlineData("sidecar.istio.io/agentLogLevel", "a: {", "log level")]
    [InlineData("sidecar.istio.io/bootstrapOverride", "../etc", "ConfigMap")]
    [InlineData("sidecar.istio.io/discoveryAddress", "istiod:15012\u001b[2J", "host with its port")]
    [InlineData("sidecar.istio.io/userVolume", "x: [", "JSON")]
    [InlineData("sidecar.istio.io/userVolumeMount", "7", "JSON")]
    [InlineData("sidecar.istio.io/nativeSidecar", "true\u0000", "control characters")]
    [InlineData("sidecar.istio.io/rewriteAppHTTPProbers", "tr\u0008ue", "control characters")]
    [InlineData("sidecar.istio.io/capNetBindService", "true\r", "control characters")]
    [InlineData("sidecar.istio.io/statsInclusionPrefixes", "a\u001bb", "control characters")]
    [InlineData("sidecar.istio.io/statsInclusionSuffixes", "a\u001bb", "control characters")]
    [InlineData("sidecar.istio.io/statsInclusionRegexps", "a\u001bb", "control characters")]
    [InlineData("sidecar.istio.io/extraStatTags", "a\u001bb", "control characters")]
    [InlineData("sidecar.istio.io/statsCompression", "a\u001bb", "control characters")]
    [InlineData("sidecar.istio.io/statsHistogramBins", "a\u001bb", "control characters")]
    [InlineData("sidecar.istio.io/statsFlushInterval", "a\u001bb", "control characters")]
    [InlineData("sidecar.istio.io/statsEvictionInterval", "a\u001bb", "control characters")]
    [InlineData("prometheus.io/scrape", "true\u0007", "control characters")]
    [InlineData("prometheus.io/path", "/m\r\nHost: x", "control characters")]
    [InlineData("prometheus.io/port", "80\n", "control characters")]
    [InlineData("prometheus.istio.io/scrape-targets", "80:/a\n", "control characters")]
    [InlineData("inject.istio.io/templates", "sidecar\n", "control characters")]
    [InlineData("istio.io/rev", "a\u001b[2J", "control characters")]
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
    [InlineData("sidecar.istio.io/proxyImage", "registry.example:5000/istio/proxyv2:1.30@sha256:0123")]
    [InlineData("sidecar.istio.io/componentLogLevel", "misc:error,http:debug")]
    [InlineData("sidecar.istio.io/userVolume", "[{\"name\": \"v\", \"emptyDir\": {}}]")]
    [InlineData("sidecar.istio.io/userVolume", "{\n \"v\": {\"emptyDir\": {}}}")]
    [InlineData("sidecar.istio.io/statsHistogramBuckets", "{\"istiocustom\":[1,5]}")]
    [InlineData("sidecar.istio.io/status", "{\n}")]
    [InlineData("sidecar.istio.io/inject", "true\r\n")]
    [InlineData("sidecar.istio.io/statsInclusionRegexps", "a.*,\n\tb.*\n")]
    [InlineData("sidecar.istio.io/discoveryAddress", "[fd00::1]:15012")]
    [InlineData("somebody.else/notes", "two\nlines")]
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

    /// <summary>Values that are looked at where they are used say as much.</summary>
    [Theory]
    [InlineData("inject.istio.io/templates", "nope\u0085", "nope")]
    [InlineData("proxy.istio.io/overrides", "\u001b[2J", "\\x1b[2J")]
    [InlineData("prometheus.io/port", "$(id)", "$(id)")]
    [InlineData("prometheus.istio.io/scrape-targets", "http:/x", "http")]
    public void Injection_WithAHostileValue_NamesAnnotationAndValue(string name, string value, string shown)
    {
        var pod = Yaml.Map("{apiVersion: v1, kind: Pod, metadata: {name: p, annotations: {}}, spec: {containers: [{name: a, image: x, ports: [{containerPort: 80}]}]}}");
        pod.Mapping("metadata")!.Mapping("annotations")!.Set(name, value);

        var e = Assert.Throws<InjectionException>(() => new Injector(Injecting.Settings()).Inject(pod));

        Assert.Contains($"annotation '{name}'", e.Message, StringComparison.Ordinal);
        Assert.Contains(shown, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(e.Message, char.IsControl);
    }
}
