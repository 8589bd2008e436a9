using CsCheck;
using Pilotfish.Proxy.Http2;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>RFC 9113 section 6.9: a sender and a receiver that keep to their windows neither overrun nor stall.</summary>
public sealed class WindowTests
{
    [Fact]
    public void Windows_AnyTraffic_NeverOverrunAndNeverStall() =>
        Gen.Select(Gen.Int[1, 100_000], Gen.Int[1, 70_000].Array[1, 200]).Sample(static (size, pieces) =>
        {
            var send = new SendWindow(size);
            var receive = new ReceiveWindow(size);
            foreach (int piece in pieces)
            {
                for (int left = piece; left > 0;)
                {
                    int length = Math.Min(left, send.Available);
                    Assert.True(length > 0, "The sender waits for credit that does not come.");
                    send.Sent(length);
                    Assert.True(receive.TryReceive(length), "The receiver refused what it had allowed.");
                    int credit = receive.Consumed(length);
                    Assert.True(credit == 0 || send.TryAdd(credit));
                    Assert.InRange(send.Available, 0, size);
                    left -= length;
                }
            }
        });

    [Fact]
    public void SendWindow_ShrunkBySettings_WaitsBelowZero()
    {
        var window = new SendWindow(100);
        window.Sent(80);
        Assert.True(window.TryAdd(-60));
        Assert.Equal(0, window.Available);
        Assert.True(window.TryAdd(41));
        Assert.Equal(1, window.Available);
        Assert.False(window.TryAdd(int.MaxValue));
    }

    [Fact]
    public void ReceiveWindow_Overrun_IsRefused()
    {
        var window = new ReceiveWindow(10);
        Assert.True(window.TryReceive(10));
        Assert.False(window.TryReceive(1));
        Assert.Equal(0, window.Consumed(4));
        Assert.Equal(10, window.Consumed(6));
        Assert.True(window.TryReceive(10));
    }
}
