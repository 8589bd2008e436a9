using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Tests.Injection.Rewriting;

public sealed class PrometheusMergeTests
{
    [Theory]
    [InlineData("{prometheus.io/port: '15020x'}", "no port")]
    [InlineData("{prometheus.io/port: '015020'}", "agent's own")]
    [InlineData("{prometheus.io/port: '15090'}", "reserved")]
    [InlineData("{prometheus.istio.io/scrape-targets: '8080:/a,15006'}", "reserved")]
    [InlineData("{prometheus.istio.io/scrape-targets: '0'}", "no port")]
    public void Merge_OfAPortThatCannotBeScraped_IsRefused(string annotations, string reason)
    {
        var e = Assert.Throws<InjectionException>(() => Injecting.WithAnnotations(annotations));

        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{prometheus.io/port: '8080'}", "{scrape: '', path: '', port: '8080'}")]
    [InlineData("{prometheus/io/port: '8080', prometheus_io_path: /m}", "{scrape: '', path: /m, port: '8080'}")]
    [InlineData("{prometheus.istio.io/scrape-targets: ' 8080 , 9090:/m'}",
        "{scrape: '', path: /metrics, port: '8080', targets: [{port: '8080', path: /metrics}, {port: '9090', path: /m}]}")]
    public void Merge_OfTheUsersWish_GoesToTheAgent(string annotations, string expected)
    {
        var pod = Injecting.WithAnnotations(annotations);

        var variable = pod.Mapping("spec").FindNamed("initContainers", "istio-proxy").FindNamed("env", "ISTIO_PROMETHEUS_ANNOTATIONS");
        Assert.True(Yaml.Node(variable!.Text("value")!).ContentEquals(Yaml.Node(expected)), variable.Text("value"));
        Assert.Equal("15020", pod.TextAt("metadata", "annotations", "prometheus.io/port"));
        Assert.Null(pod.TextAt("metadata", "annotations", "prometheus/io/port"));
    }

    [Theory]
    [InlineData("{prometheus.io/scrape: 'false', prometheus.io/port: '8080'}")]
    [InlineData("{prometheus.istio.io/merge-metrics: 'false', prometheus.io/port: '8080'}")]
    public void Merge_ThatTheUserRefuses_LeavesTheAnnotations(string annotations)
    {
        var pod = Injecting.WithAnnotations(annotations);

        Assert.Equal("8080", pod.TextAt("metadata", "annotations", "prometheus.io/port"));
        Assert.DoesNotContain("ISTIO_PROMETHEUS_ANNOTATIONS", YamlEmitter.Emit(pod), StringComparison.Ordinal);
    }

    [Fact]
    public void SecurePort_OfTheProxy_IsAnnounced()
    {
        var pod = Injecting.WithAnnotations(
            "{proxy.istio.io/config: '{proxyMetadata: {ENVOY_SECURE_MERGED_METRICS_PORT: \"15092\"}}'}");

        Assert.Equal("15092", pod.TextAt("metadata", "annotations", "prometheus.istio.io/secure-port"));
    }
}
