using Envoy.Config.Core.V3;

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
}
