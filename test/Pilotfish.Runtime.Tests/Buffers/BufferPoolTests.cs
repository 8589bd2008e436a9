using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Runtime.Tests.Buffers;

public sealed class BufferPoolTests
{
    [Theory]
    [InlineData(0, BufferPool.SmallBytes)]
    [InlineData(BufferPool.SmallBytes, BufferPool.SmallBytes)]
    [InlineData(BufferPool.SmallBytes + 1, BufferPool.MediumBytes)]
    [InlineData(BufferPool.LargeBytes, BufferPool.LargeBytes)]
    [InlineData(BufferPool.HugeBytes, BufferPool.HugeBytes)]
    [InlineData(BufferPool.HugeBytes + 1, BufferPool.HugeBytes + 1)]
    public void Rent_Size_GivesTheSmallestClassThatFits(int asked, int given)
    {
        var pool = new BufferPool();
        using PooledBuffer buffer = pool.Rent(asked);
        Assert.Equal(given, buffer.Length);
        Assert.Equal(1, pool.RentedCount);
    }

    [Fact]
    public void Return_Buffer_IsGivenOutAgain()
    {
        var pool = new BufferPool();
        PooledBuffer first = pool.Rent(100);
        first.Return();
        Assert.Equal(0, pool.RentedCount);
        Assert.Same(first, pool.Rent(100));
    }

    [Fact]
    public void Return_MoreThanKept_LetsTheRestGo()
    {
        var pool = new BufferPool();
        PooledBuffer[] burst = [.. Enumerable.Range(0, 10).Select(_ => pool.Rent(BufferPool.HugeBytes))];
        foreach (PooledBuffer buffer in burst)
        {
            buffer.Return();
        }

        PooledBuffer[] again = [.. Enumerable.Range(0, 10).Select(_ => pool.Rent(BufferPool.HugeBytes))];
        Assert.Equal(4, again.Intersect(burst).Count());
    }
}
