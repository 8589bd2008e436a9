using System.Text;
using CsCheck;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Api.Tests.Yaml;

public sealed class YamlDocumentsTests
{
    [Fact]
    public void Stream_OfSeveralDocuments_YieldsEachAndPassesOverEmptyOnes()
    {
        YamlParseResult result = YamlDocuments.Parse("# head\n---\na: 1\n---\n---\nb: [x, y]\n...\n", "f.yaml");

        Assert.True(result.IsOk);
        Assert.Equal(2, result.Documents.Count);
        Assert.Equal("1", Assert.IsType<YamlMapping>(result.Documents[0]).Text("a"));
        Assert.Equal(new SourcePosition("f.yaml", 6, 1), result.Documents[1].Position);
    }

    [Fact]
    public void Node_KnowsItsLineAndColumn()
    {
        var root = Assert.IsType<YamlMapping>(Single("spec:\n  hosts:\n  - reviews\n"));

        Assert.Equal("f:3:5", root.Mapping("spec")!.Sequence("hosts")!.Items[0].Position.ToString());
    }

    [Theory]
    [InlineData("bom", "\uFEFFa: b")]
    [InlineData("crlf", "a: b\r\n")]
    [InlineData("directive", "%YAML 1.1\n---\na: b\n")]
    [InlineData("json", "{\"a\": \"b\"}")]
    [InlineData("json with tabs and comments", "{\n\t// why\n\t\"a\":\t\"b\" /* so */\n}")]
    [InlineData("flow mapping", "{a: b}")]
    public void Text_InItsForms_ReadsTheSame(string label, string text)
    {
        Assert.NotEmpty(label);
        Assert.Equal("b", Assert.IsType<YamlMapping>(Single(text)).Text("a"));
    }

    [Fact]
    public void Bytes_InUtf16_AreRead()
    {
        byte[] bytes = [0xFF, 0xFE, .. Encoding.Unicode.GetBytes("a: b")];

        Assert.Equal("b", Assert.IsType<YamlMapping>(YamlDocuments.Parse(bytes, "f").Documents[0]).Text("a"));
    }

    [Fact]
    public void Bytes_ThatAreNoUtf8_AreAnErrorAtTheirPlace()
    {
        YamlParseResult result = YamlDocuments.Parse([(byte)'a', (byte)':', (byte)'\n', 0xFF, 0xC0], "f");

        Assert.Equal("f:2:1: The text is not valid UTF-8.", Assert.Single(result.Errors).ToString());
    }

    [Theory]
    [InlineData("a: 1\na: 2\n", "f:2:1: The key 'a' is given twice; the first is in line 1.")]
    [InlineData("{\"a\": 1,\n \"a\": 2}", "f:2:2: The key 'a' is given twice; the first is in line 1.")]
    [InlineData("a: *b\n", "f:1:4: The alias '*b' names no anchor of this document that is complete before it.")]
    [InlineData("a: &b [*b]\n", "f:1:8: The alias '*b' names no anchor of this document that is complete before it.")]
    [InlineData("a: !foo 1\n", "f:1:4: The tag '!foo' has no meaning here; remove it.")]
    [InlineData("a: 1\nb: [c\nkind: {{", "f:2:4: What follows here is not YAML.")]
    [InlineData("? [a]\n: 1\n", "f:1:1: A key of a mapping must be text.")]
    public void BrokenText_IsOneErrorWithItsPlace(string text, string error)
    {
        Assert.Equal(error, Assert.Single(YamlDocuments.Parse(text, "f").Errors).ToString());
    }

    [Theory]
    [InlineData("a: \"half", 1)]
    [InlineData("spec:\n  hosts: [a, b", 2)]
    [InlineData("spec:\n\tx: 1", 2)]
    [InlineData("{\n\"a\": {\n\"b\": 1", 3)]
    public void HalfWrittenText_IsAnErrorNotACrash(string text, int line)
    {
        SourceError error = Assert.Single(YamlDocuments.Parse(text, "f").Errors);

        Assert.InRange(error.Position.Line, 1, line + 1);
        Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Error_InALaterDocument_KeepsTheEarlierOnes()
    {
        YamlParseResult result = YamlDocuments.Parse("a: 1\n---\nb: [\n", "f");

        Assert.False(result.IsOk);
        Assert.Single(result.Documents);
    }

    [Fact]
    public void Alias_YieldsACopyThatCanChangeAlone()
    {
        var root = Assert.IsType<YamlMapping>(Single("a: &x {k: v}\nb: *x\nc:\n  <<: *x\n  k2: w\n"));

        root.Mapping("b")!.Set("k", "other");
        Assert.Equal("v", root.Mapping("a")!.Text("k"));
        Assert.Equal("v", root.Mapping("c")!.Text("k"));
        Assert.Equal("w", root.Mapping("c")!.Text("k2"));
    }

    [Fact]
    public void AliasBomb_StopsAtItsBound()
    {
        var text = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 12; i++)
        {
            string alias = $"*a{i - 1}";
            text.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat(alias, 10))}]\n");
        }

        SourceError error = Assert.Single(YamlDocuments.Parse(text.ToString(), "f").Errors);
        Assert.Contains("stand for more than 100000 nodes", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData('[')]
    [InlineData('{')]
    public void DeepText_StopsAtItsBound(char bracket)
    {
        string text = bracket == '[' ? new string('[', 100_000) : string.Concat(Enumerable.Repeat("{\"a\":", 10_000));

        Assert.NotEmpty(YamlDocuments.Parse(text, "f").Errors);
    }

    [Fact]
    public void DeepBlockText_NamesTheDepth()
    {
        string text = string.Concat(Enumerable.Range(0, 200).Select(i => new string(' ', i) + "a:\n"));

        Assert.Contains("128 levels", Assert.Single(YamlDocuments.Parse(text, "f").Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnyText_NeverThrows()
    {
        string[] all =
        [
            "a", ":", " ", "\n", "- ", "{", "}", "[", "]", "\"", "'", "|", ">", "&x", "*x", "!", "%", "#", "---", "?", ",", "\t", "<<", "\0", "é", "\\",
        ];
        Gen<string> piece = Gen.Int[0, all.Length - 1].Select(i => all[i]);
        piece.Array[0, 30].Sample(
            pieces => Assert.NotNull(YamlDocuments.Parse(string.Concat(pieces), "f")), iter: 3000);
    }

    private static YamlNode Single(string text)
    {
        YamlParseResult result = YamlDocuments.Parse(text, "f");
        Assert.Empty(result.Errors);
        return Assert.Single(result.Documents);
    }
}
