using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Sockets;

public sealed class DatagramSocketTests
{
    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("[::1]:0")]
    public void Datagram_SentAndAnswered_KeepsItsBoundaries(string address) => LoopRunner.Run(async loop =>
    {
        Assert.Equal(IoError.None, DatagramSocket.TryBind(loop, NetAddress.Parse(address), reusePort: false, out DatagramSocket? server));
        Assert.Equal(IoError.None, DatagramSocket.TryBind(loop, NetAddress.Parse(address), reusePort: false, out DatagramSocket? client));
        byte[] buffer = new byte[100];
        for (int i = 0; i < 200; i++)
        {
            ValueTask<DatagramResult> pending = server!.ReceiveFromAsync(buffer);
            Assert.Equal(IoError.None, client!.TrySendTo(new byte[i % 50], server.LocalAddress));
            DatagramResult got = await pending;
            Assert.Equal(new DatagramResult(i % 50, client.LocalAddress, IoError.None), got);
        }

        ValueTask<DatagramResult> cancelled = server!.ReceiveFromAsync(buffer);
        server.CancelReceive();
        Assert.Equal(IoError.Canceled, (await cancelled).Error);
        ValueTask<DatagramResult> closed = server.ReceiveFromAsync(buffer);
        server.Close();
        Assert.Equal(IoError.Closed, (await closed).Error);
        client!.Close();
        Assert.Equal(0, loop.HandleCount);
    });

    [Fact]
    public void Bind_AddressTaken_IsAValue() => LoopRunner.Run(loop =>
    {
        DatagramSocket.TryBind(loop, NetAddress.Loopback(0), reusePort: false, out DatagramSocket? first);
        Assert.Equal(IoError.AddressInUse, DatagramSocket.TryBind(loop, first!.LocalAddress, reusePort: false, out _));
        first.Close();
        return Task.CompletedTask;
    });
}
