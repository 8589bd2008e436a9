using System.Text;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Sockets;

public sealed class SocketStreamTests
{
    private static readonly byte[] s_hello = Encoding.ASCII.GetBytes("hello, pilot fish");

    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("[::1]:0")]
    public void Connection_EchoedBytes_Return(string address) => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Parse(address));
        Assert.Equal(listener.LocalAddress, client.RemoteAddress);
        Assert.Equal(client.LocalAddress, server.RemoteAddress);
        Assert.Equal(s_hello.Length, (await client.SendAsync(s_hello)).Bytes);
        byte[] buffer = new byte[100];
        IoResult received = await server.ReceiveAsync(buffer);
        Assert.Equal(s_hello, buffer[..received.Bytes]);
        await server.SendAsync(buffer.AsMemory(0, 5), buffer.AsMemory(5, received.Bytes - 5));
        byte[] back = new byte[100];
        received = await client.ReceiveAsync(back);
        Assert.Equal(s_hello, back[..received.Bytes]);
        client.ShutdownSend();
        Assert.True((await server.ReceiveAsync(buffer)).IsEnd);
        server.Close();
        Assert.True((await client.ReceiveAsync(buffer)).IsEnd);
        client.Close();
        listener.Close();
        Assert.Equal(0, loop.HandleCount);
    });

    internal static async Task<(SocketStream Client, SocketStream Server, ListenSocket Listener)> ConnectPair(
        EventLoop loop, NetAddress address, SocketStreamOptions? options = null)
    {
        ListenSocket listener = ListenSocket.Listen(loop, address);
        SocketStream client = SocketStream.Create(loop, options);
        ValueTask<AcceptResult> accepting = listener.AcceptAsync();
        Assert.Equal(IoError.None, await client.ConnectAsync(listener.LocalAddress));
        AcceptResult accepted = await accepting;
        Assert.Equal(IoError.None, accepted.Error);
        return (client, accepted.Stream!, listener);
    }
}
