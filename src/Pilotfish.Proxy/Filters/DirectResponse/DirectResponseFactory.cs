using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;

namespace Pilotfish.Proxy.Filters.DirectResponse;

/// <summary>envoy.filters.network.direct_response.</summary>
internal sealed class DirectResponseFactory : ITerminalNetworkFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.network.direct_response.v3.Config"];

    public TerminalNetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context)
    {
        Envoy.Extensions.Filters.Network.DirectResponse.V3.Config message = config.Parse(
            Envoy.Extensions.Filters.Network.DirectResponse.V3.Config.Parser);
        return new DirectResponseFilter(message.Response is { } response ? DataSources.ReadBytes(response, config.Field + ".response") : []);
    }
}
