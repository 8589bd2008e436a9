using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Network;

/// <summary>Compiles the last filter of a chain.</summary>
public interface ITerminalNetworkFilterFactory : IExtensionFactory
{
    TerminalNetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context);
}
