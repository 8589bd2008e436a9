using Pilotfish.Proxy.Clusters;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tls;

/// <summary>Plaintext.</summary>
public sealed class RawBufferTransport : UpstreamTransport
{
    public static readonly RawBufferTransport Instance = new();

    private RawBufferTransport()
    {
    }

    public override bool IsRaw => true;

    public override string Name => "raw_buffer";

    public override ValueTask<UpstreamHandshake> WrapAsync(SocketStream socket, UpstreamTransportRequest request) =>
        new(new UpstreamHandshake(socket, UpstreamConnectFailure.None, null));
}
