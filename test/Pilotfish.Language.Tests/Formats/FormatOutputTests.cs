using System.Text;
using System.Text.Json;
using CsCheck;
using Pilotfish.Language.Formats;

namespace Pilotfish.Language.Tests.Formats;

public sealed class FormatOutputTests
{
    [Theory]
    [InlineData(3.0, "3")]
    [InlineData(-2.5, "-2.5")]
    [InlineData(0.1, "0.1")]
    public void Append_Double_IsShortest(double value, string expected)
    {
        FormatOutput output = new();

        output.Append(value);

        Assert.Equal(expected, output.ToString());
    }

    [Fact]
    public void Truncate_InsideCharacter_CutsBeforeIt()
    {
        FormatOutput output = new();
        output.Append("x");
        output.Append("aäb");

        output.Truncate(1, 2);

        Assert.Equal("xa", output.ToString());
    }

    [Fact]
    public void Append_MoreThanInitialRoom_Grows()
    {
        FormatOutput output = new();
        string text = new('y', 10_000);

        output.Append(text);
        output.Append((byte)'z');

        Assert.Equal(text + "z", output.ToString());
    }

    [Fact]
    public void JsonText_AnyBytes_ParseBackToTheSameText() =>
        Check.Sample(Gen.Byte.Array, bytes =>
        {
            FormatOutput output = new();
            JsonText.AppendQuoted(output, bytes);
            using JsonDocument parsed = JsonDocument.Parse(output.WrittenMemory);

            string text = parsed.RootElement.GetString()!;

            return !IsUtf8(bytes) || text == Encoding.UTF8.GetString(bytes);
        });

    [Theory]
    [InlineData("a\"b\\c", "\"a\\\"b\\\\c\"")]
    [InlineData("\n\t\u0001\u007f", "\"\\n\\t\\u0001\\u007f\"")]
    [InlineData("grün", "\"grün\"")]
    public void JsonText_SpecialCharacters_AreEscaped(string text, string expected)
    {
        FormatOutput output = new();

        JsonText.AppendQuoted(output, text);

        Assert.Equal(expected, output.ToString());
    }

    private static bool IsUtf8(byte[] bytes) => System.Text.Unicode.Utf8.IsValid(bytes);
}
