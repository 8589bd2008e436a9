using Envoy.Service.Discovery.V3;
using Grpc.Core;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>The gRPC service: both variants end in the same session.</summary>
internal sealed class AdsService(DiscoveryServer server) : AggregatedDiscoveryService.AggregatedDiscoveryServiceBase
{
    public override Task StreamAggregatedResources(
        IAsyncStreamReader<DiscoveryRequest> requestStream, IServerStreamWriter<DiscoveryResponse> responseStream, ServerCallContext context) =>
        server.ServeAsync(new StateOfTheWorldTransport(requestStream, responseStream), context.CancellationToken);

    public override Task DeltaAggregatedResources(
        IAsyncStreamReader<DeltaDiscoveryRequest> requestStream, IServerStreamWriter<DeltaDiscoveryResponse> responseStream,
        ServerCallContext context) =>
        server.ServeAsync(new DeltaTransport(requestStream, responseStream), context.CancellationToken);
}
