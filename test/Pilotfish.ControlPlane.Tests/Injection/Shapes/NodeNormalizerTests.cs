using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.ControlPlane.Injection.Shapes;

namespace Pilotfish.ControlPlane.Tests.Injection.Shapes;

public sealed class NodeNormalizerTests
{
    [Theory]
    [InlineData("{name: a, image: null, stdin: false, workingDir: ''}", "{name: a, resources: {}}")]
    [InlineData("{name: a, resources: {limits: {cpu: 2000m, memory: 1}}}", "{name: a, resources: {limits: {cpu: '2', memory: '1'}}}")]
    [InlineData("{name: a, securityContext: {runAsUser: 0, privileged: false}}", "{name: a, resources: {}, securityContext: {runAsUser: 0, privileged: false}}")]
    [InlineData("{name: a, env: [{name: X, value: 8080}, {name: Y, value: true}, {name: Z, value: 1.5}]}",
        "{name: a, resources: {}, env: [{name: X, value: '8080'}, {name: Y, value: 'true'}, {name: Z, value: '1.5'}]}")]
    [InlineData("{name: a, readinessProbe: {initialDelaySeconds: 0, httpGet: {path: /, port: http}}}",
        "{name: a, resources: {}, readinessProbe: {httpGet: {path: /, port: http}}}")]
    [InlineData("{name: a, brandNewField: {x: null}}", "{name: a, resources: {}, brandNewField: {x: null}}")]
    [InlineData("{name: a, env: [{name: X, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]}",
        "{name: a, resources: {}, env: [{name: X, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: '0'}}}]}")]
    public void Normalize_OfAContainer_GivesTheFormThatTheApiWrites(string container, string expected)
    {
        var result = NodeNormalizer.Normalize(Yaml.Node(container), ShapeCatalog.Pod["Container"], "");

        Assert.Equal(YamlEmitter.Emit(Yaml.Node(expected), sortKeys: true), YamlEmitter.Emit(result, sortKeys: true));
    }

    [Theory]
    [InlineData("{name: a, ports: 80}", "ports (test:1:18): expected a list")]
    [InlineData("{name: a, ports: [{containerPort: http}]}", "ports[0].containerPort")]
    [InlineData("{name: [a]}", "name (test:1:8): expected a string, found a list")]
    [InlineData("{name: a, stdin: sure}", "stdin (test:1:18): expected true or false, found 'sure'")]
    [InlineData("{name: a, resources: {limits: {cpu: many}}}", "resources.limits[cpu]: 'many' is no quantity")]
    public void Normalize_OfAWrongType_NamesThePathAndThePlace(string container, string message)
    {
        var e = Assert.Throws<InjectionException>(
            () => NodeNormalizer.Normalize(Yaml.Node(container), ShapeCatalog.Pod["Container"], ""));

        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("drain_duration: 23.0s", "drainDuration: 23s")]
    [InlineData("interceptionMode: REDIRECT", "{}")]
    [InlineData("interceptionMode: 1", "interceptionMode: TPROXY")]
    [InlineData("terminationDrainDuration: 0.5s", "terminationDrainDuration: 0.500s")]
    [InlineData("{concurrency: 0, statusPort: 0}", "concurrency: 0")]
    public void ProxyConfig_InAnySpelling_GetsItsCanonicalForm(string config, string expected)
    {
        Assert.True(ProxyConfigMerge.Parse(config).ContentEquals(Yaml.Node(expected)));
    }

    [Theory]
    [InlineData("nope: 1", "unknown field \"nope\" in ProxyConfig")]
    [InlineData("interceptionMode: SOMETIMES", "not one of REDIRECT, TPROXY, NONE")]
    [InlineData("drainDuration: soon", "is no duration")]
    [InlineData("[1]", "expected a mapping")]
    public void ProxyConfig_ThatIsWrong_IsRefusedByField(string config, string message)
    {
        var e = Assert.Throws<InjectionException>(() => ProxyConfigMerge.Parse(config));

        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }
}
