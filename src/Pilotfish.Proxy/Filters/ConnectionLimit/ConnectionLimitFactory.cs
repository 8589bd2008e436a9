using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.RuntimeLayers;
using Pilotfish.Proxy.Stats;
using Message = Envoy.Extensions.Filters.Network.ConnectionLimit.V3.ConnectionLimit;

namespace Pilotfish.Proxy.Filters.ConnectionLimit;

/// <summary>envoy.filters.network.connection_limit: how many connections a filter chain has at once, over all workers.</summary>
internal sealed class ConnectionLimitFactory : INetworkFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit"];

    public NetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context)
    {
        Message message = config.Parse(Message.Parser);
        if (message.StatPrefix.Length == 0)
        {
            throw new ConfigRejectedException(config.Field + ".stat_prefix", "the prefix is empty");
        }

        if (message.MaxConnections is not >= 1)
        {
            throw new ConfigRejectedException(config.Field + ".max_connections", "it must be set, to 1 at least");
        }

        StatScope scope = context.Config.Stats.Scope("connection_limit." + message.StatPrefix);
        context.Owned.Add(scope);
        return new ConnectionLimitFilter
        {
            ConnectionsMax = (long)Math.Min(message.MaxConnections.Value, long.MaxValue),
            DelayMilliseconds = ProtoValues.Milliseconds(message.Delay, 0),
            Enabled = LiveFlag.Of(message.RuntimeEnabled, whenAbsent: true, context.Config.Runtime),
            Limited = scope.Counter("limited_connections"),
            Active = scope.Gauge("active_connections"),
        };
    }
}
