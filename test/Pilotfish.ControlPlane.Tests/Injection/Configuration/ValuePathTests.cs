using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Configuration;

namespace Pilotfish.ControlPlane.Tests.Injection.Configuration;

public sealed class ValuePathTests
{
    [Theory]
    [InlineData("{}", "a.b=1", "{a: {b: 1}}")]
    [InlineData("{a: {c: 2}}", "a.b=x", "{a: {c: 2, b: x}}")]
    [InlineData("{a: 1}", "a.b=true", "{a: {b: true}}")]
    [InlineData("{}", "a[1].b=x", "{a: [null, {b: x}]}")]
    [InlineData("{a: [1]}", "a[0]=2", "{a: [2]}")]
    [InlineData("{a: {}}", "a[0][1]=x", "{a: [[null, x]]}")]
    [InlineData("{}", @"a.b\.c/d=x", "{a: {b.c/d: x}}")]
    [InlineData("{}", "a=1,2,3", "{a: '1,2,3'}")]
    [InlineData("{}", "a={1, b}", "{a: [1, b]}")]
    [InlineData("{a: 1}", "a=null", "{a: null}")]
    [InlineData("{}", "a=", "{a: ''}")]
    [InlineData("{}", "a=b=c", "{a: b=c}")]
    public void Assignment_ToAPath_SetsTheValue(string before, string assignment, string expected)
    {
        var root = Yaml.Map(before);

        ValuePath.Parse(assignment).ApplyTo(root);

        Assert.True(root.ContentEquals(Yaml.Node(expected)), YamlEmitter.Emit(root));
    }

    [Theory]
    [InlineData("values.global.proxy.tracer=zipkin", "{\"tracing\":{\"zipkin\":{\"address\":\"zipkin.istio-system:9411\"}}}")]
    [InlineData("meshConfig.defaultConfig.concurrency=3", "{\"concurrency\":3}")]
    [InlineData("values.meshConfig.defaultConfig.proxyMetadata.A=b", "{\"proxyMetadata\":{\"A\":\"b\"}}")]
    [InlineData("values.global.meshID=m", "{\"meshId\":\"m\"}")]
    [InlineData("values.revision=r", "{\"discoveryAddress\":\"istiod-r.istio-system.svc:15012\"}")]
    public void Setting_ThatChangesTheProxyConfig_ShowsInItsDifference(string setting, string expected)
    {
        var pod = Injecting.WithAnnotations("{}", Injecting.Settings(setting));

        Assert.Contains(expected, YamlEmitter.Emit(pod), StringComparison.Ordinal);
    }
}
