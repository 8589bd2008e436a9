using System.Text;
using Pilotfish.Api.Yaml;
using Pilotfish.Api.Yaml.Parts;

namespace Pilotfish.Api.Tests.Yaml;

public sealed class DocumentPartsTests
{
    [Theory]
    [InlineData("a: 1\nitems:\n- x\n- {b: [2]}\n-\n  c: 3\nz: [4]\n")]
    [InlineData("\uFEFF{a: 1, items: [x, {b: [2]}, {c: 3}], z: [4]}")]
    [InlineData("{\"a\": 1, // why\n\"items\": [\"x\", {\"b\": [2]},\n{\"c\": 3}], \"z\": [4]}")]
    [InlineData("\uFEFF  {\"a\":1,\"items\":[\"x\",{\"b\":[2]},{\"c\":3}],\"z\":[4]}\n\n")]
    public void Parts_OfADocument_ComeInItsOrder(string text)
    {
        Assert.Equal(["a=1", "items#x", "items#b: [2]", "items#c: 3", "z=[4]"], Read(text, PartReading.Whole).Parts);
        Assert.Equal(["a=1", "items#x", "items#?", "items#?", "z=?"], Read(text, PartReading.Outline).Parts);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("{}")]
    [InlineData("items: []")]
    [InlineData("{\"items\": []}")]
    public void Document_WithoutParts_HasNone(string text)
    {
        (List<string> parts, SourceError? error) = Read(text, PartReading.Whole);

        Assert.Empty(parts);
        Assert.Null(error);
    }

    [Theory]
    [InlineData("- a\n", "f:1:1: A mapping was expected here.")]
    [InlineData("items:\n- a: [\n", "f:3:1: The YAML is broken")]
    [InlineData("a: 1\nb: 2\na: 3\n", "f:3:1: The key 'a' is given twice.")]
    [InlineData("{\"a\": 1,\n  \"a\": 3}", "f:2:3: The key 'a' is given twice.")]
    [InlineData("{\"items\": [1,\n {\"b\": tru}]}", "f:2:")]
    [InlineData("{\"items\": [1,\n {\"b\": 1, \"b\": 2}]}", "f:2:11: The key 'b' is given twice; the first is in line 2.")]
    [InlineData("{\"items\": [1", "The JSON is broken")]
    [InlineData("{\"items\": [1]} 7", "The JSON is broken")]
    [InlineData("{\"\\ud800\": 1}", "an escape that is no character")]
    [InlineData("a: &x {b: 1}\n<<: *x\n", "'<<' cannot be used")]
    [InlineData("a: 1\n...\nb: 2\n", "A second document begins here")]
    [InlineData("? [a]\n: 1\n", "A key of a mapping must be text.")]
    public void Text_ThatIsWrong_IsNamedWithItsPlace(string text, string message)
    {
        (_, SourceError? error) = Read(text, PartReading.Whole);

        Assert.Contains(message, error?.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Anchors_ReachFromOnePartIntoLaterOnes()
    {
        Assert.Equal(["a=b: 1", "items#b: 1", "items#b: 1", "z=b: 1"], Read("a: &x {b: 1}\nitems: [*x, *x]\nz: *x\n", PartReading.Whole).Parts);
    }

    /// <summary>Values of every size around the window's, so that its end falls everywhere.</summary>
    [Fact]
    public void JsonValues_LongerThanTheWindow_AreReadWhole()
    {
        int[] sizes = [1, 65_500, 3, 65_536, 200_000, 65_535, 2, 131_072, 1];
        string text = "{\"items\": [" + string.Join(",\n", sizes.Select(n => $"{{\"v\": [\"{new string('x', n)}\", {n}]}}")) + "],\n\"a\": 1}";
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        var document = new DocumentParts(stream, "f", "items");
        foreach (int size in sizes)
        {
            Assert.True(document.TryRead(out DocumentPart part));
            var values = ((YamlMapping)part.Value!).Sequence("v")!;
            Assert.Equal(size, ((YamlScalar)values.Items[0]).Text.Length);
        }

        Assert.True(document.TryRead(out DocumentPart last));
        Assert.Equal(("a", sizes.Length + 1), (last.Key, last.Value!.Position.Line));
        Assert.False(document.TryRead(out _));
        Assert.Null(document.Error);
    }

    private static (List<string> Parts, SourceError? Error) Read(string text, PartReading reading)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        var document = new DocumentParts(stream, "f", "items", reading);
        List<string> parts = [];
        while (document.TryRead(out DocumentPart part))
        {
            string value = part.Value switch
            {
                null => "?",
                YamlSequence list => $"[{string.Join(",", list.Items.Select(Text))}]",
                YamlMapping map => string.Join(",", map.Entries.Select(e => $"{e.Key}: {Text(e.Value)}")),
                var scalar => Text(scalar),
            };
            parts.Add(part.Key + (part.IsItem ? "#" : "=") + value);
        }

        return (parts, document.Error);
    }

    private static string Text(YamlNode node) => node switch
    {
        YamlScalar scalar => scalar.Text,
        YamlSequence list => $"[{string.Join(",", list.Items.Select(Text))}]",
        _ => "?",
    };
}
