using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Tests.RuntimeLayers;

/// <summary>How a value is read in each form (envoy docs, configuration/operations/runtime).</summary>
public sealed class RuntimeEntryTests
{
    [Theory]
    [InlineData("5", 5ul, 5.0, true, "5/100")]
    [InlineData(" 5\n", 5ul, 5.0, true, "5/100")]
    [InlineData("0", 0ul, 0.0, false, "0/100")]
    [InlineData("3.9", 3ul, 3.9, null, "3/100")]
    [InlineData("-1", null, -1.0, null, null)]
    [InlineData("400", 400ul, 400.0, true, "100/100")]
    [InlineData("1e30", null, 1e30, null, null)]
    [InlineData("true", null, null, true, null)]
    [InlineData("False", null, null, false, null)]
    [InlineData("many", null, null, null, null)]
    [InlineData("", null, null, null, null)]
    [InlineData("{numerator: 7, denominator: TEN_THOUSAND}", null, null, null, "7/10000")]
    [InlineData("numerator: 7\ndenominator: MILLION", null, null, null, "7/1000000")]
    [InlineData("{\"numerator\": 7}", null, null, null, "7/100")]
    [InlineData("{}", null, null, null, "0/100")]
    [InlineData("{numerator: 7, more: 1}", null, null, null, null)]
    [InlineData("{numerator: 7, denominator: DOZEN}", null, null, null, null)]
    [InlineData("{numerator", null, null, null, null)]
    public void Text_HasTheseForms(string text, ulong? integer, double? number, bool? flag, string? share)
    {
        var entry = RuntimeEntry.Of(text);
        Assert.Equal((integer, number, flag, share), (entry.Integer, entry.Number, entry.Flag, Text(entry.Share)));
        Assert.Equal(text, entry.Text);
    }

    [Fact]
    public void Layer_Flattens_AndKeepsFractions()
    {
        var layer = Struct.Parser.ParseJson(
            """{"a": {"b": 1, "c.d": true}, "e": {"numerator": 3, "denominator": "MILLION"}, "f": {}, "g": {"h": {"numerator": 1}}, "i": "x"}""");
        Dictionary<string, RuntimeEntry> values = LayerValues.Of(layer, "layer");
        Assert.Equal(["a.b", "a.c.d", "e", "f", "g.h", "i"], values.Keys.Order(StringComparer.Ordinal));
        Assert.Equal((1ul, true), (values["a.b"].Integer, values["a.c.d"].Flag));
        Assert.Equal(("3/1000000", "0/100", "1/100"), (Text(values["e"].Share), Text(values["f"].Share), Text(values["g.h"].Share)));
        Assert.Equal("{numerator: 3, denominator: MILLION}", values["e"].Text);
    }

    [Theory]
    [InlineData("""{"a": {"b": null}}""")]
    [InlineData("""{"a": {"b": [1]}}""")]
    public void Layer_WithAValueThatIsNone_IsRefusedByKey(string json) => Assert.StartsWith(
        "layer: Invalid runtime entry value for a.b",
        Assert.Throws<ConfigRejectedException>(() => LayerValues.Of(Struct.Parser.ParseJson(json), "layer")).Message,
        StringComparison.Ordinal);

    private static string? Text(Fraction? share) => share is { } some ? $"{some.Numerator}/{some.Denominator}" : null;
}
