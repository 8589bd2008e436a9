using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.ControlPlane.Injection.Shapes;

namespace Pilotfish.ControlPlane.Tests.Injection.Merging;

public sealed class StrategicMergeTests
{
    [Theory]
    // Mappings merge, scalars replace, null deletes, null of an absent key does nothing.
    [InlineData("hostname: a", "hostname: b", "hostname: b")]
    [InlineData("nodeSelector: {a: '1', b: '2'}", "nodeSelector: {b: null, c: '3'}", "nodeSelector: {a: '1', c: '3'}")]
    [InlineData("hostname: a", "subdomain: null", "hostname: a")]
    [InlineData("{}", "securityContext: {runAsUser: null, runAsGroup: 1}", "securityContext: {runAsGroup: 1}")]
    // Lists with a merge key: the patch's items first, unless the original's order says otherwise.
    [InlineData("containers: [{name: a, image: x}]", "containers: [{name: a, image: y}]", "containers: [{name: a, image: y}]")]
    [InlineData("containers: [{name: a}]", "containers: [{name: b}]", "containers: [{name: b}, {name: a}]")]
    [InlineData("containers: [{name: a}, {name: b}, {name: c}]", "containers: [{name: b, image: x}]",
        "containers: [{name: a}, {name: b, image: x}, {name: c}]")]
    [InlineData("containers: [{name: a, env: [{name: X, value: '1'}]}]", "containers: [{name: a, env: [{name: X, value: '2'}, {name: Y}]}]",
        "containers: [{name: a, env: [{name: X, value: '2'}, {name: Y}]}]")]
    [InlineData("containers: [{name: a, ports: [{containerPort: 80, name: x}]}]", "containers: [{name: a, ports: [{containerPort: 80, protocol: UDP}]}]",
        "containers: [{name: a, ports: [{containerPort: 80, name: x, protocol: UDP}]}]")]
    // Lists without one are replaced.
    [InlineData("containers: [{name: a, args: [x, y]}]", "containers: [{name: a, args: [z]}]", "containers: [{name: a, args: [z]}]")]
    [InlineData("tolerations: [{key: a}]", "tolerations: [{key: b}]", "tolerations: [{key: b}]")]
    // Directives.
    [InlineData("nodeSelector: {a: '1'}", "nodeSelector: {$patch: replace, b: '2'}", "nodeSelector: {b: '2'}")]
    [InlineData("nodeSelector: {a: '1'}", "nodeSelector: {$patch: delete}", "nodeSelector: {}")]
    [InlineData("containers: [{name: a}, {name: b}]", "containers: [{name: a, $patch: delete}]", "containers: [{name: b}]")]
    [InlineData("containers: [{name: a}]", "containers: [{$patch: replace}, {name: b}]", "containers: [{name: b}]")]
    [InlineData("volumes: [{name: v, emptyDir: {}}]", "volumes: [{name: v, $retainKeys: [name, csi], csi: {driver: d}}]",
        "volumes: [{name: v, csi: {driver: d}}]")]
    public void Apply_OfAPatch_MergesAsKubernetesDoes(string original, string patch, string expected)
    {
        var result = StrategicMerge.Apply(Yaml.Map(original), Yaml.Map(patch), ShapeCatalog.Pod["PodSpec"]);

        Assert.Equal(YamlEmitter.Emit(Yaml.Node(expected), sortKeys: true), YamlEmitter.Emit(result, sortKeys: true));
    }

    [Fact]
    public void Apply_OfPrimitivesWithMerge_KeepsBoth()
    {
        var result = StrategicMerge.Apply(
            Yaml.Map("finalizers: [a, b]"), Yaml.Map("{$deleteFromPrimitiveList/finalizers: [a], finalizers: [c]}"),
            ShapeCatalog.Pod["ObjectMeta"]);

        Assert.True(result.ContentEquals(Yaml.Node("finalizers: [c, b]")), YamlEmitter.Emit(result));
    }

    [Theory]
    [InlineData("containers: [{name: a}]", "containers: [{image: x}]", "lacks 'name'")]
    [InlineData("nodeSelector: {a: '1'}", "nodeSelector: {$patch: explode}", "explode")]
    public void Apply_OfAnImpossiblePatch_SaysWhy(string original, string patch, string reason)
    {
        var e = Assert.Throws<InjectionException>(
            () => StrategicMerge.Apply(Yaml.Map(original), Yaml.Map(patch), ShapeCatalog.Pod["PodSpec"]));

        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_OfAPatch_ChangesNeitherArgument()
    {
        var (original, patch) = (Yaml.Map("containers: [{name: a}]"), Yaml.Map("containers: [{name: a, image: x}]"));

        StrategicMerge.Apply(original, patch, ShapeCatalog.Pod["PodSpec"]);

        Assert.True(original.ContentEquals(Yaml.Node("containers: [{name: a}]")));
        Assert.True(patch.ContentEquals(Yaml.Node("containers: [{name: a, image: x}]")));
    }
}
