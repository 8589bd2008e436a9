namespace Pilotfish.Proxy.Xds;

/// <summary>Where owners ask for resources by name (EDS, RDS, SDS, ECDS). Main loop only.</summary>
public interface ISubscriptions
{
    /// <summary>
    /// Subscribes until the result is disposed. A resource that is already held is given before the call returns; several
    /// subscribers of one name share one request on the wire.
    /// </summary>
    IDisposable Subscribe(ResourceType type, string name, IResourceConsumer consumer);
}
