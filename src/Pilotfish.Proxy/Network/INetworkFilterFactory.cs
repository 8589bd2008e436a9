using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Network;

/// <summary>Compiles filters that stand before the terminal one.</summary>
public interface INetworkFilterFactory : IExtensionFactory
{
    NetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context);
}
