using CsCheck;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Api.Tests.Yaml;

public sealed class YamlEmitterTests
{
    [Fact]
    public void Mapping_PrintsAsKubectlDoes()
    {
        YamlNode node = YamlDocuments.Parse("{b: [{x: 1, y: [p]}, []], a: {c: 'true', d: \"l1\\nl2\\n\", e: {}}}", "f").Documents[0];

        string text = YamlEmitter.Emit(node, sortKeys: true);

        Assert.Equal("a:\n  c: \"true\"\n  d: |\n    l1\n    l2\n  e: {}\nb:\n- x: 1\n  'y':\n  - p\n- []\n".Replace("'y'", "\"y\""), text);
    }

    [Fact]
    public void Content_ReadsBackTheSame()
    {
        string[] awkward =
        [
            "", "true", "on", "null", "0644", "1e3", "- x", "a: b", "a #b", "x:", " pad ", "l1\nl2", "l1\n\nl2\n\n", "\n", "\ttab", "'q'", "\"", "{", "*a", "é", "\u0085", "---", "...", "a\r\nb", "<<", "=",
        ];
        Gen<string> text = Gen.OneOf(
            Gen.Int[0, awkward.Length - 1].Select(i => awkward[i]),
            Gen.String[Gen.Char[' ', '~'], 0, 12]);
        Gen<YamlNode> leaf = Gen.OneOf(
            text.Select(t => (YamlNode)YamlScalar.String(t)),
            Gen.Int.Select(i => (YamlNode)YamlScalar.Integer(i)),
            Gen.Bool.Select(b => (YamlNode)YamlScalar.Boolean(b)),
            Gen.Const((YamlNode)YamlScalar.Null()));
        Gen<YamlNode> node = Nested(Nested(Nested(leaf, text), text), text);

        node.Sample(
            expected =>
            {
                string emitted = YamlEmitter.Emit(expected);
                YamlParseResult result = YamlDocuments.Parse(emitted, "f");
                Assert.True(result.IsOk, $"{string.Join(" ", result.Errors)}\n{emitted}");
                YamlNode actual = result.Documents.Count == 0 ? YamlScalar.Null() : result.Documents[0];
                Assert.True(expected.ContentEquals(actual), emitted);
            },
            iter: 2000);
    }

    private static Gen<YamlNode> Nested(Gen<YamlNode> inner, Gen<string> keys) => Gen.OneOf(
        inner,
        inner.Array[0, 3].Select(items => (YamlNode)new YamlSequence(items)),
        Gen.Select(keys, inner).Array[0, 3].Select(pairs =>
        {
            var mapping = new YamlMapping();
            foreach ((string key, YamlNode value) in pairs)
            {
                if (key != "<<")
                {
                    mapping[key] = value.Clone();
                }
            }

            return (YamlNode)mapping;
        }));
}
