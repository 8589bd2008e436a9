using Pilotfish.Language.Formats;
using Pilotfish.Testing;

namespace Pilotfish.Language.Tests.Formats;

public sealed class TimeFormatTests
{
    private static readonly DateTimeOffset s_time =
        new DateTimeOffset(2016, 4, 5, 3, 17, 9, TimeSpan.Zero).AddTicks(3_101_234);

    [Theory]
    [InlineData("%Y-%m-%dT%H:%M:%S.%3fZ", "2016-04-05T03:17:09.310Z")]
    [InlineData("%s.%3f", "1459826229.310")]
    [InlineData("%f|%1f|%6f|%9f", "310123400|3|310123|310123400")]
    [InlineData("%e|%k|%l|%I|%p|%j", " 5| 3| 3|03|AM|096")]
    [InlineData("%a %A %b %B %h", "Tue Tuesday Apr April Apr")]
    [InlineData("%F %T|%D %R|%y %C", "2016-04-05 03:17:09|04/05/16 03:17|16 20")]
    [InlineData("%z %Ez %Z %%", "+0000 +00:00 UTC %")]
    [InlineData("%u %w %U %W %V %G", "2 2 14 14 14 2016")]
    public void Append_Specifier_WritesAsStrftime(string format, string expected)
    {
        FormatOutput output = new();

        TimeFormat.Parse(format).Append(output, s_time);

        Assert.Equal(expected, output.ToString());
    }

    [Theory]
    [InlineData("%")]
    [InlineData("%q")]
    [InlineData("a\nb")]
    public void Parse_Bad_Throws(string format) => Assert.Throws<FormatException>(() => TimeFormat.Parse(format));

    [Fact]
    public void Append_Steady_AllocatesNothing()
    {
        FormatOutput output = new();

        long allocated = AllocationMeter.Of(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                output.Clear();
                TimeFormat.Default.Append(output, s_time);
            }
        });

        Assert.Equal(0, allocated);
    }
}
