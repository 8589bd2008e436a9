using Pilotfish.Proxy.Filters.GrpcStats;

namespace Pilotfish.Proxy.Tests.Filters.GrpcStats;

public sealed class GrpcMessageCounterTests
{
    private static readonly byte[] s_three =
    [
        0, 0, 0, 0, 2, 65, 66,
        1, 0, 0, 0, 0,
        0, 0, 0, 0, 6, 0, 0, 0, 0, 9, 9,
    ];

    [Fact]
    public void Body_SplitAtEveryByte_CountsItsMessages()
    {
        for (int first = 0; first <= s_three.Length; first++)
        {
            for (int second = first; second <= s_three.Length; second++)
            {
                GrpcMessageCounter counter = default;
                counter.Add(s_three.AsSpan(0, first));
                counter.Add(s_three.AsSpan(first, second - first));
                counter.Add(s_three.AsSpan(second));
                Assert.Equal(3, counter.Count);
            }
        }
    }

    [Fact]
    public void Prefix_Incomplete_CountsNothing()
    {
        GrpcMessageCounter counter = default;
        counter.Add(s_three.AsSpan(0, 4));
        Assert.Equal(0, counter.Count);
    }
}
