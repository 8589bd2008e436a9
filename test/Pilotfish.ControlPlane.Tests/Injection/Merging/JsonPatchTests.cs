using CsCheck;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Tests.Injection.Merging;

public sealed class JsonPatchTests
{
    [Theory]
    [InlineData("a: 1", "a: 1", "[]")]
    [InlineData("a: 1", "a: 2", "[{op: replace, path: /a, value: 2}]")]
    [InlineData("a: 1", "b: 1", "[{op: remove, path: /a}, {op: add, path: /b, value: 1}]")]
    [InlineData("a: {x/y~z: 1}", "a: {x/y~z: 2}", "[{op: replace, path: /a/x~1y~0z, value: 2}]")]
    [InlineData("a: [1, 2]", "a: [0, 1, 2]", "[{op: add, path: /a/0, value: 0}]")]
    [InlineData("a: [1, 2, 3]", "a: [1, 3]", "[{op: remove, path: /a/1}]")]
    [InlineData("a: [{n: 1}]", "a: [{n: 2}]", "[{op: replace, path: /a/0/n, value: 2}]")]
    public void Create_OfTwoNodes_GivesTheSmallestOperations(string from, string to, string expected)
    {
        var patch = JsonPatch.Create(Yaml.Node(from), Yaml.Node(to));

        Assert.True(patch.ContentEquals(Yaml.Node(expected)), NodeJson.Print(patch));
    }

    [Fact]
    public void Create_OfAnyTwoNodes_GivesAPatchThatLeadsFromOneToTheOther()
    {
        Gen.Select(Nodes(3), Nodes(3)).Sample((from, to) =>
        {
            var patch = JsonPatch.Create(from, to);
            return JsonPatchApplier.Apply(from, patch).ContentEquals(to);
        });
    }

    private static Gen<YamlNode> Nodes(int depth)
    {
        var scalars = Gen.Int[0, 3].Select(i => (YamlNode)YamlScalar.Integer(i));
        if (depth == 0)
        {
            return scalars;
        }

        var lists = Nodes(depth - 1).List[0, 4].Select(items => (YamlNode)new YamlSequence(items));
        var maps = Gen.Select(Gen.Int[0, 3].Select(i => "ab~/".Substring(i, 1)), Nodes(depth - 1)).List[0, 4].Select(entries =>
        {
            var map = new YamlMapping();
            foreach ((string key, YamlNode value) in entries)
            {
                map[key] = value;
            }

            return (YamlNode)map;
        });
        return Gen.OneOf(scalars, lists, maps);
    }
}
