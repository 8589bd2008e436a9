using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Bench.Inproc;

/// <summary>Puts a stream in memory, with the backend at its other end, in the place of the socket that was connected.</summary>
internal sealed class MemoryTransport(Action<IByteStream> serve, int pipeBytes) : UpstreamTransport
{
    public override bool IsRaw => false;

    public override bool Encrypts => false;

    public override string Name => "memory";

    public override ValueTask<UpstreamHandshake> WrapAsync(SocketStream socket, UpstreamTransportRequest request)
    {
        (IByteStream ours, IByteStream theirs) = MemoryStreamPair.Create(socket.Loop, socket.LocalAddress, socket.RemoteAddress, pipeBytes);
        serve(theirs);
        return ValueTask.FromResult(new UpstreamHandshake(ours, UpstreamConnectFailure.None, null));
    }
}
