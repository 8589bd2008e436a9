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

    /// <summary>
    /// Prepares to ask for resources of a type by name when they are needed, over delta xDS and for the life of the process.
    /// </summary>
    /// <param name="type">One that is asked for on demand: virtual hosts, clusters.</param>
    /// <param name="collection">The owner of what arrives, unless the place has one for everything of the type already.</param>
    /// <param name="source">ADS, or a static cluster with <c>DELTA_GRPC</c>.</param>
    /// <param name="stats">Where the subscription counts, unless the place counts already.</param>
    /// <param name="known">
    /// Null: only names are asked for. Otherwise everything of the type is, too, and this runs once: the first response was applied, or the
    /// source's initial_fetch_timeout is over.
    /// </param>
    /// <exception cref="ConfigRejectedException">The place cannot be asked for it.</exception>
    IDemandedNames SubscribeOnDemand(
        ResourceType type, IResourceCollection collection, ConfigSource source, ISubscriptionStats stats, Action? known) =>
        throw new ConfigRejectedException("", $"{type.ShortName} is not available from this source");
}
