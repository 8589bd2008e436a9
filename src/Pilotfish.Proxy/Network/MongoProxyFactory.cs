using Envoy.Extensions.Filters.Network.MongoProxy.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Network;

/// <summary>mongo_proxy: counts connections; the protocol itself is not decoded.</summary>
internal sealed class MongoProxyFactory : INetworkFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy"];

    public string NotActiveNote => "mongo_proxy: connections are counted and passed through; operations are not decoded.";

    public NetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context)
    {
        StatScope scope = context.Config.Stats.Scope("mongo." + config.Parse(MongoProxy.Parser).StatPrefix);
        context.Owned.Add(scope);
        return new CountingFilter(scope.Counter("downstream_cx_total"));
    }

    private sealed class CountingFilter(Counter connections) : NetworkFilter
    {
        public override NetworkFilterSession? NewConnection(DownstreamConnection connection)
        {
            connection.Worker.Stats.Add(connections);
            return null;
        }
    }
}
