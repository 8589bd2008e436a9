using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Message = Envoy.Extensions.Filters.Listener.LocalRatelimit.V3.LocalRateLimit;

namespace Pilotfish.Proxy.Filters.ConnectionRates;

/// <summary>envoy.filters.listener.local_ratelimit: before a connection has a filter chain.</summary>
internal sealed class ListenerRateFactory : IListenerFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit"];

    public ListenerFilter Compile(in ExtensionConfig config, CompileContext context)
    {
        Message message = config.Parse(Message.Parser);
        return new Filter(ConnectionRate.Compile(
            message.StatPrefix, ConnectionRate.Bucket(message.TokenBucket, config.Field, context), message.RuntimeEnabled,
            context.Stats.Scope("listener_local_ratelimit." + message.StatPrefix), config.Field, context));
    }

    private sealed class Filter(ConnectionRate rate) : ListenerFilter
    {
        public override ValueTask<ListenerFilterVerdict> InspectAsync(PendingConnection connection) =>
            new(rate.Allows(connection.Worker) ? ListenerFilterVerdict.Continue : ListenerFilterVerdict.Close);
    }
}
