using Pilotfish.Api.Yaml;

namespace Pilotfish.Api.Tests.Yaml;

public sealed class ScalarResolverTests
{
    [Theory]
    [InlineData("", YamlScalarKind.Null)]
    [InlineData("~", YamlScalarKind.Null)]
    [InlineData("True", YamlScalarKind.Boolean)]
    [InlineData("yes", YamlScalarKind.String)]
    [InlineData("12", YamlScalarKind.Integer)]
    [InlineData("-0x1F", YamlScalarKind.Integer)]
    [InlineData("1.5", YamlScalarKind.Float)]
    [InlineData("1e3", YamlScalarKind.Float)]
    [InlineData(".inf", YamlScalarKind.Float)]
    [InlineData("1.2.3", YamlScalarKind.String)]
    [InlineData("10.0.0.1", YamlScalarKind.String)]
    [InlineData("5s", YamlScalarKind.String)]
    [InlineData("-", YamlScalarKind.String)]
    [InlineData("2026-01-02", YamlScalarKind.String)]
    public void Text_HasItsKind(string text, YamlScalarKind kind)
    {
        Assert.Equal(kind, ScalarResolver.Resolve(text));
    }

    [Theory]
    [InlineData("0644", 420)]
    [InlineData("0o17", 15)]
    [InlineData("0b101", 5)]
    [InlineData("-7", -7)]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    public void Integer_HasItsValue(string text, double value)
    {
        Assert.True(ScalarResolver.TryParseInteger(text, out Int128 parsed));
        Assert.Equal(value, (double)parsed);
    }
}
