using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;

namespace Pilotfish.Proxy.Tls;

/// <summary>raw_buffer, both sides.</summary>
internal sealed class RawBufferFactory : IUpstreamTransportFactory, IDownstreamTransportFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"];

    public UpstreamTransport Compile(in ExtensionConfig config, UpstreamTransportContext context) => RawBufferTransport.Instance;

    public DownstreamTransport? Compile(in ExtensionConfig config, NetworkFilterContext context) => null;
}
