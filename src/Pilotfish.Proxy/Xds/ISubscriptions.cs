using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;

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

    /// <summary>Which place a source names, for owners that ask each place once.</summary>
    /// <param name="type">What is asked for; virtual hosts and clusters on demand come over delta xDS only.</param>
    /// <param name="source">The source.</param>
    /// <exception cref="ConfigRejectedException">The place cannot be asked for it.</exception>
    SourceKey Identify(ResourceType type, ConfigSource source) =>
        throw new ConfigRejectedException("", $"{type.ShortName} is not available from this source");

    /// <summary>
    /// Subscribes to everything of a type from the place that a config names, once per place, until the result is disposed. What was held is
    /// forgotten then, and comes anew to the next subscriber.
    /// </summary>
    /// <param name="type">One that is asked for by wildcard: scoped routes, virtual hosts.</param>
    /// <param name="collection">Its owner.</param>
    /// <param name="source">One that was identified; its initial_fetch_timeout counts (15 s when unset, 0 = never).</param>
    /// <param name="stats">Where the subscription counts.</param>
    /// <param name="known">Runs once: the first response was applied, or its time is over.</param>
    /// <exception cref="ConfigRejectedException">The place cannot be asked for it.</exception>
    IDisposable SubscribeAll(
        ResourceType type, IResourceCollection collection, ConfigSource source, ISubscriptionStats stats, Action known) =>
        throw new ConfigRejectedException("", $"{type.ShortName} is not available from this source");

    /// <summary>Prepares to ask for resources of a type by name when they are needed, over delta xDS.</summary>
    /// <param name="type">One that is asked for on demand: virtual hosts, clusters.</param>
    /// <param name="collection">The owner of what arrives, unless the place has one for everything of the type already.</param>
    /// <param name="source">ADS, or a static cluster with <c>DELTA_GRPC</c>.</param>
    /// <param name="stats">Where the subscription counts, unless the place counts already.</param>
    /// <exception cref="ConfigRejectedException">The place cannot be asked for it.</exception>
    IDemandedNames SubscribeOnDemand(ResourceType type, IResourceCollection collection, ConfigSource source, ISubscriptionStats stats) =>
        throw new ConfigRejectedException("", $"{type.ShortName} is not available from this source");
}
