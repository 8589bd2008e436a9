using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;

namespace Pilotfish.Proxy.Http;

/// <summary>envoy.filters.network.http_connection_manager.</summary>
public sealed class HcmFactory : ITerminalNetworkFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } =
        ["envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"];

    public TerminalNetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context)
    {
        try
        {
            return new HcmFilter(new HcmCompiler(context).Compile(config.Parse(HttpConnectionManager.Parser)));
        }
        catch (ConfigRejectedException rejected) when (!rejected.Field.StartsWith(config.Field, StringComparison.Ordinal))
        {
            throw rejected.Within(config.Field);
        }
    }
}
