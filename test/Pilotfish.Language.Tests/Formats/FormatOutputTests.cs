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

    [Fact]
    public void Insert_AndPatch_ChangeWhatIsThere()
    {
        FormatOutput output = new();
        output.Append(new string('a', 1000));
        output.Append("end");

        output.Insert(1000, new byte[100]);
        output.Patch(1000, 100).Fill((byte)'b');

        Assert.Equal(new string('a', 1000) + new string('b', 100) + "end", output.ToString());
    }

    [Theory]
    [InlineData(new byte[] { 0x61, 0xC3, 0xA9 }, "aé")]
    [InlineData(new byte[] { 0xFF, 0x61, 0x80 }, "!a!")]
    [InlineData(new byte[] { 0xE2, 0x82, 0x61 }, "!!a")]
    [InlineData(new byte[] { 0xED, 0xA0, 0x80 }, "!!!")]
    [InlineData(new byte[] { 0xF0, 0x9F, 0x90, 0x9F, 0xF0, 0x9F }, "\U0001F41F!!")]
    public void ReplaceInvalidUtf8_LeavesTextOnly(byte[] bytes, string expected)
    {
        FormatOutput output = new();
        output.Append((byte)0xFF);
        output.Append(bytes);

        output.ReplaceInvalidUtf8(1, (byte)'!');

        Assert.Equal(expected, System.Text.Encoding.UTF8.GetString(output.Written[1..]));
    }

    [Fact]
    public void Rewind_CutsBytes_NotCharacters()
    {
        FormatOutput output = new();
        output.Append([1, 0x80, 0x80, 0x80]);

        output.Rewind(2);

        Assert.Equal([1, 0x80], output.Written.ToArray());
    }

    [Fact]
    public void Clear_GivesBackABurstsMemory_AndKeepsTheRest()
    {
        FormatOutput output = new();
        output.Append(new string('a', 100_000));
        output.Clear(retainedBytesMax: 50_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        output.Append(new string('a', 1000));
        output.Clear(retainedBytesMax: 50_000);

        Assert.Equal(0, output.Length);
        Assert.True(output.Reserve(1).Length < 50_000);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 10_000);
    }
}
