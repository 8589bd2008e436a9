using System.Net;
using System.Net.Sockets;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;

namespace Pilotfish.Capture.Tests;

/// <summary>The pod's agent and the peer's resolver, both listening for one protocol until the end: ports that close and open
/// again are not always free in between.</summary>
internal sealed class DnsPair : IDisposable
{
    private const int AgentPort = 15053;

    private readonly ProtocolType _protocol;
    private readonly Socket _agent;
    private readonly Socket _resolver;
    private Task? _toAgent;
    private Task? _toResolver;

    public DnsPair(ProtocolType protocol, NetworkNamespaceThread pod, string loopback, NetworkNamespaceThread peer, string address)
    {
        _protocol = protocol;
        _agent = Listener(pod, loopback, AgentPort);
        _resolver = Listener(peer, address, ResolverPort);
    }

    public const int ResolverPort = 53;

    /// <summary>Who gets the next question. The other goes on listening for the one after that.</summary>
    public async Task<string> NextAsync()
    {
        _toAgent ??= ReceiveAsync(_agent);
        _toResolver ??= ReceiveAsync(_resolver);
        Task first = await Task.WhenAny(_toAgent, _toResolver).WaitAsync(Patience.Limit);
        await first;
        if (first == _toAgent)
        {
            _toAgent = null;
            return "agent";
        }

        _toResolver = null;
        return "resolver";
    }

    public static Socket NewSocket(ProtocolType protocol, NetworkNamespaceThread inside, string address) => inside.Run(() => new Socket(
        IPAddress.Parse(address).AddressFamily, protocol == ProtocolType.Udp ? SocketType.Dgram : SocketType.Stream, protocol));

    public void Dispose()
    {
        _agent.Dispose();
        _resolver.Dispose();
    }

    private Socket Listener(NetworkNamespaceThread inside, string address, int port)
    {
        Socket socket = NewSocket(_protocol, inside, address);
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
        if (_protocol == ProtocolType.Tcp)
        {
            socket.Listen();
        }

        return socket;
    }

    private async Task ReceiveAsync(Socket socket)
    {
        if (_protocol == ProtocolType.Udp)
        {
            await socket.ReceiveAsync(new byte[16]);
            return;
        }

        using Socket connection = await socket.AcceptAsync();
    }
}
