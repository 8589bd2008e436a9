using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Tls;

/// <summary>Compiles a cluster's transport socket.</summary>
public interface IUpstreamTransportFactory : IExtensionFactory
{
    UpstreamTransport Compile(in ExtensionConfig config, UpstreamTransportContext context);
}
