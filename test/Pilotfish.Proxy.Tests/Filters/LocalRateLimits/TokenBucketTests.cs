using Pilotfish.Proxy.Filters.LocalRateLimits;
using Xunit;

namespace Pilotfish.Proxy.Tests.Filters.LocalRateLimits;

public sealed class TokenBucketTests
{
    // Odd, as a clock's is.
    private const long Start = 7_777_000_123;
    private const long Second = 1_000_000_000;

    [Fact]
    public void Bucket_IsFullAtFirst_AndFillsSteadily()
    {
        var bucket = new TokenBucket(3, Second, Start);
        Assert.Equal((3u, 0ul), (bucket.Remaining(Start), bucket.ResetSeconds(Start)));
        for (int i = 0; i < 3; i++)
        {
            Assert.True(bucket.TryTake(1, Start));
        }

        Assert.False(bucket.TryTake(1, Start));
        Assert.Equal((0u, 1ul), (bucket.Remaining(Start), bucket.ResetSeconds(Start)));
        Assert.False(bucket.TryTake(1, Start + (Second * 9 / 10)));
        Assert.True(bucket.TryTake(1, Start + Second));
        Assert.False(bucket.TryTake(1, Start + Second + 1));
    }

    [Fact]
    public void Bucket_HoldsNoMoreThanItsMost()
    {
        var bucket = new TokenBucket(2, Second, Start);
        long later = Start + (1000 * Second);
        Assert.Equal(2u, bucket.Remaining(later));
        Assert.False(bucket.TryTake(3, later));
        Assert.True(bucket.TryTake(2, later));
        Assert.False(bucket.TryTake(1, later));
    }

    [Fact]
    public void Tokens_OfOneAndManyThreads_AreNeverMoreThanThereAre()
    {
        const int Tokens = 10_000;
        var bucket = new TokenBucket(Tokens, Second, Start);
        int taken = 0;
        Parallel.For(0, 8, _ =>
        {
            for (int i = 0; i < Tokens; i++)
            {
                if (bucket.TryTake(1, Start))
                {
                    Interlocked.Increment(ref taken);
                }
            }
        });
        Assert.Equal(Tokens, taken);
    }

    // Sums of fractions of a nanosecond must not lose the last token of an interval.
    [Theory]
    [InlineData(7u, 50_000_000L)]
    [InlineData(3u, 1_000_000_000L)]
    [InlineData(1_000_000u, 1_000_000_000L)]
    public void Interval_BringsAllItsTokens(uint tokens, long interval)
    {
        var bucket = new TokenBucket(tokens, (double)interval / tokens, Start);
        Assert.True(bucket.TryTake(tokens, Start));
        for (int i = 1; i <= 20; i++)
        {
            Assert.True(bucket.TryTake(tokens, Start + (i * interval)));
            Assert.False(bucket.TryTake(1, Start + (i * interval)));
        }
    }
}
