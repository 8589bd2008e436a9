using Pilotfish.ControlPlane.Injection.Shapes;

namespace Pilotfish.ControlPlane.Tests.Injection.Shapes;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("2000m", "2")]
    [InlineData("100m", "100m")]
    [InlineData("0.1", "100m")]
    [InlineData("1000", "1k")]
    [InlineData("1500", "1500")]
    [InlineData("1024Mi", "1Gi")]
    [InlineData("1.5Gi", "1536Mi")]
    [InlineData("512", "512")]
    [InlineData("1Ki", "1Ki")]
    [InlineData("0.5Ki", "512")]
    [InlineData("0", "0")]
    [InlineData("0Mi", "0")]
    [InlineData("1e3", "1e3")]
    [InlineData("12e2", "1200")]
    [InlineData("100M", "100M")]
    [InlineData("0.0000000001", "1n")]
    [InlineData("-1500m", "-1500m")]
    [InlineData("+5", "5")]
    [InlineData(".5", "500m")]
    [InlineData("5.", "5")]
    public void Parsing_OfAQuantity_GivesKubernetesSpelling(string text, string canonical)
    {
        Assert.True(Quantity.TryParse(text, out var quantity));
        Assert.Equal(canonical, quantity.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("m")]
    [InlineData("1 m")]
    [InlineData("1mm")]
    [InlineData("1.2.3")]
    [InlineData("1e")]
    [InlineData("1e99999999")]
    [InlineData("0x10")]
    [InlineData("ten")]
    [InlineData("1\n")]
    public void Parsing_OfSomethingElse_Fails(string text)
    {
        Assert.False(Quantity.TryParse(text, out _));
    }
}
