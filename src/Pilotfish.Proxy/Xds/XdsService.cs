using Pilotfish.Proxy.AsyncClient;

namespace Pilotfish.Proxy.Xds;

/// <summary>The discovery services that are called, each with its method for either dialect.</summary>
internal sealed class XdsService
{
    private readonly GrpcMethod _delta;
    private readonly GrpcMethod _stateOfTheWorld;

    private XdsService(string service, string delta, string stateOfTheWorld)
    {
        _delta = new GrpcMethod(service, delta);
        _stateOfTheWorld = new GrpcMethod(service, stateOfTheWorld);
    }

    public static XdsService Aggregated { get; } = new(
        "envoy.service.discovery.v3.AggregatedDiscoveryService", "DeltaAggregatedResources", "StreamAggregatedResources");

    public static XdsService Secrets { get; } = new("envoy.service.secret.v3.SecretDiscoveryService", "DeltaSecrets", "StreamSecrets");

    public GrpcMethod Method(bool isDelta) => isDelta ? _delta : _stateOfTheWorld;
}
