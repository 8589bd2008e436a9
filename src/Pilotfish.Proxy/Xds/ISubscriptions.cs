using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Xds;

/// <summary>Where owners ask for resources by name (EDS, RDS, SDS, ECDS). Main loop only.</summary>
public interface ISubscriptions
{
    /// <summary>
    /// Subscribes over ADS until the result is disposed. A resource that is already held is given before the call returns;
    /// several subscribers of one name share one request on the wire. The owner bounds its own waiting.
    /// </summary>
    IDisposable Subscribe(ResourceType type, string name, IResourceConsumer consumer);

    /// <summary>
    /// The same from the place that a config names: ADS, a file, or another cluster (sds-grpc). A config source's
    /// initial_fetch_timeout (15 s when unset, 0 = never) tells the consumer when it passes without a first version.
    /// </summary>
    IDisposable Subscribe(ResourceType type, string name, IResourceConsumer consumer, ConfigSource? source) =>
        Subscribe(type, name, consumer);

    /// <summary>
    /// Subscribes to everything of a type from the place that a config names, once per place and for the life of the process.
    /// </summary>
    /// <param name="type">One that is asked for by wildcard (SRDS).</param>
    /// <param name="collection">Its owner.</param>
    /// <param name="source">ADS or a file; its initial_fetch_timeout counts (15 s when unset, 0 = never).</param>
    /// <param name="scope">Where the subscription counts.</param>
    /// <param name="known">Runs once: the first response was applied, or its time is over.</param>
    /// <exception cref="ConfigRejectedException">The place cannot be asked for it.</exception>
    void SubscribeAll(ResourceType type, IResourceCollection collection, ConfigSource source, StatScope scope, Action known) =>
        throw new ConfigRejectedException("", $"{type.ShortName} is not available from this source");
}
