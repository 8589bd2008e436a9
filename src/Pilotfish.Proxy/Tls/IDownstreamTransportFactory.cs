using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;

namespace Pilotfish.Proxy.Tls;

/// <summary>Compiles a filter chain's transport socket; null means plaintext.</summary>
public interface IDownstreamTransportFactory : IExtensionFactory
{
    DownstreamTransport? Compile(in ExtensionConfig config, NetworkFilterContext context);
}
