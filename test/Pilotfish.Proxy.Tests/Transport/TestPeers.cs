using System.Text;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Transport;

/// <summary>Small servers and clients on the test's loop.</summary>
internal static class TestPeers
{
    /// <summary>Echoes until the client finishes, then finishes too.</summary>
    public static ListenSocket Echo(EventLoop loop, NetAddress? address = null)
    {
        ListenSocket listener = ListenSocket.Listen(loop, address ?? NetAddress.Loopback(0));
        Serve(listener, EchoAsync);
        return listener;
    }

    /// <summary>Speaks first, then waits for the client's end.</summary>
    public static ListenSocket Greeter(EventLoop loop, string greeting)
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        Serve(listener, async stream =>
        {
            await stream.SendAsync(Encoding.ASCII.GetBytes(greeting));
            await stream.ReceiveAsync(new byte[16]);
            stream.Close();
        });
        return listener;
    }

    public static async Task<SocketStream> ConnectAsync(EventLoop loop, NetAddress address)
    {
        SocketStream stream = SocketStream.Create(loop);
        Assert.Equal(IoError.None, await stream.ConnectAsync(address));
        return stream;
    }

    public static async Task<string> ReceiveTextAsync(IByteStream stream, int bytes)
    {
        byte[] buffer = new byte[bytes];
        int count = 0;
        while (count < bytes)
        {
            IoResult result = await stream.ReceiveAsync(buffer.AsMemory(count));
            if (!result.IsOk || result.IsEnd)
            {
                break;
            }

            count += result.Bytes;
        }

        return Encoding.ASCII.GetString(buffer, 0, count);
    }

    /// <summary>Lets the loop turn until the condition holds; the runner's limit ends a wait in vain.</summary>
    public static Task UntilAsync(EventLoop loop, Func<bool> condition) => loop.UntilAsync(condition);

    /// <summary>The outcome of one more receive: the end, or the error.</summary>
    public static async Task<IoResult> EndAsync(IByteStream stream) => await stream.ReceiveAsync(new byte[1]);

    public static async void Serve(ListenSocket listener, Func<SocketStream, Task> serve)
    {
        while (true)
        {
            AcceptResult accepted = await listener.AcceptAsync();
            if (accepted.Stream is null)
            {
                return;
            }

            _ = serve(accepted.Stream);
        }
    }

    private static async Task EchoAsync(SocketStream stream)
    {
        byte[] buffer = new byte[16 * 1024];
        while (true)
        {
            IoResult result = await stream.ReceiveAsync(buffer);
            if (!result.IsOk || result.IsEnd)
            {
                stream.Close();
                return;
            }

            await stream.SendAsync(buffer.AsMemory(0, result.Bytes));
        }
    }
}
