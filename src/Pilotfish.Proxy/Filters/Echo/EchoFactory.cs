using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;

namespace Pilotfish.Proxy.Filters.Echo;

/// <summary>envoy.filters.network.echo.</summary>
internal sealed class EchoFactory : ITerminalNetworkFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.network.echo.v3.Echo"];

    public TerminalNetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context)
    {
        config.Parse(Envoy.Extensions.Filters.Network.Echo.V3.Echo.Parser);
        return new EchoFilter();
    }
}
