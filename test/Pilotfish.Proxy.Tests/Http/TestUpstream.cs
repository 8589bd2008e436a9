using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>
/// A scripted server on an address of 127.0.0.0/8 that nobody else on the machine has: a port of 127.0.0.1 may be one that another test, or
/// another run of the tests, has closed a moment ago and still calls, and its call would be taken for the proxy's.
/// </summary>
internal sealed class TestUpstream(EventLoop loop) : IDisposable
{
    private static int s_last = Environment.ProcessId << 8;

    private readonly ListenSocket _listener = ListenSocket.Listen(loop, NextAddress());

    public NetAddress Address => _listener.LocalAddress;

    public async Task<TestClient> AcceptAsync()
    {
        AcceptResult result = await _listener.AcceptAsync();
        return new TestClient(result.Stream!);
    }

    public void Dispose() => _listener.Close();

    // Internal for other scripted servers. Port 0: the kernel chooses.
    internal static NetAddress NextAddress()
    {
        // Ends, and 127.0.x.x, are left to others.
        uint number = (uint)Interlocked.Increment(ref s_last);
        return NetAddress.Parse($"127.{1 + ((number >> 16) % 254)}.{(number >> 8) % 256}.{1 + (number % 254)}:0");
    }
}
