using System.Globalization;
using System.Numerics;
using System.Text;
using CsCheck;
using Pilotfish.Language.Numbers;

namespace Pilotfish.Language.Tests.Numbers;

public sealed class DecimalTextTests
{
    [Theory]
    [InlineData("")]
    [InlineData("+1")]
    [InlineData("-1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1\t")]
    [InlineData("1\0")]
    [InlineData("1\0\0")]
    [InlineData("1a")]
    [InlineData("0x1")]
    [InlineData("1.0")]
    [InlineData("1,0")]
    [InlineData("1_0")]
    [InlineData("1e1")]
    [InlineData("\u0661")]
    [InlineData("\uff11")]
    public void TryParse_OtherThanDigits_IsRefused(string text)
    {
        Assert.False(DecimalText.TryParse(text, out ulong ofChars));
        Assert.False(DecimalText.TryParse(Encoding.UTF8.GetBytes(text), out ulong ofBytes));
        Assert.Equal((0UL, 0UL), (ofChars, ofBytes));
    }

    [Theory]
    [InlineData("0", 0)]
    [InlineData("007", 7)]
    [InlineData("00000000000000000000000000000000000000001", 1)]
    [InlineData("255", 255)]
    public void TryParse_Digits_GivesTheirNumber(string text, int expected)
    {
        Assert.True(DecimalText.TryParse(text, out byte ofChars));
        Assert.True(DecimalText.TryParse(Encoding.UTF8.GetBytes(text), out int ofBytes));
        Assert.Equal((expected, expected), (ofChars, ofBytes));
    }

    [Theory]
    [InlineData("0", 0L)]
    [InlineData("-0", 0L)]
    [InlineData("-12", -12L)]
    [InlineData("9223372036854775807", long.MaxValue)]
    [InlineData("-9223372036854775808", long.MinValue)]
    public void TryParseSigned_DigitsBehindAMinus_GivesTheirNumber(string text, long expected)
    {
        Assert.True(DecimalText.TryParseSigned(Encoding.UTF8.GetBytes(text), out long value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("-")]
    [InlineData("--1")]
    [InlineData("+1")]
    [InlineData("- 1")]
    [InlineData("9223372036854775808")]
    [InlineData("-9223372036854775809")]
    public void TryParseSigned_Other_IsRefused(string text)
    {
        Assert.False(DecimalText.TryParseSigned(Encoding.UTF8.GetBytes(text), out long value));
        Assert.Equal(0, value);
    }

    [Fact]
    public void TryParse_AnyNumberAroundTheLimits_AgreesWithBigIntegers()
    {
        Gen<string> digits = Gen.OneOf(
            Gen.ULong.Select(static n => new BigInteger(n)), Gen.Int[-3, 3].Select(static n => new BigInteger(ulong.MaxValue) + n),
            Gen.Int[-3, 3].Select(static n => new BigInteger(long.MaxValue) + n), Gen.Int[-3, 3].Select(static n => new BigInteger(ushort.MaxValue) + n),
            Gen.ULong.Select(static n => new BigInteger(n) * 10)).Select(static n => n.ToString(CultureInfo.InvariantCulture));
        digits.Sample(static text =>
        {
            BigInteger expected = BigInteger.Parse(text, CultureInfo.InvariantCulture);
            return Agrees<ushort>(text, expected) && Agrees<int>(text, expected) && Agrees<uint>(text, expected)
                && Agrees<long>(text, expected) && Agrees<ulong>(text, expected);
        });
    }

    private static bool Agrees<T>(string text, BigInteger expected)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T>
    {
        bool fits = expected <= BigInteger.CreateChecked(T.MaxValue);
        return DecimalText.TryParse(text, out T value) == fits && value == (fits ? T.CreateChecked(expected) : T.Zero);
    }
}
