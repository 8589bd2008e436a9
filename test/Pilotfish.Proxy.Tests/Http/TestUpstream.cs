using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>A scripted server on a loopback port.</summary>
internal sealed class TestUpstream(EventLoop loop) : IDisposable
{
    private readonly ListenSocket _listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));

    public NetAddress Address => _listener.LocalAddress;

    public async Task<TestClient> AcceptAsync()
    {
        AcceptResult result = await _listener.AcceptAsync();
        return new TestClient(result.Stream!);
    }

    public void Dispose() => _listener.Close();
}
