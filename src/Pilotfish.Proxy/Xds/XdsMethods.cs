using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Grpc.Core;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// The gRPC methods of discovery services. Written out instead of using the generated clients, whose service classes would
/// initialise the descriptors of everything they reach.
/// </summary>
internal static class XdsMethods
{
    private const string AggregatedService = "envoy.service.discovery.v3.AggregatedDiscoveryService";
    private const string SecretService = "envoy.service.secret.v3.SecretDiscoveryService";

    public static Method<DeltaDiscoveryRequest, DeltaDiscoveryResponse> AggregatedDelta { get; } =
        Method(AggregatedService, "DeltaAggregatedResources", DeltaDiscoveryRequest.Parser, DeltaDiscoveryResponse.Parser);

    public static Method<DiscoveryRequest, DiscoveryResponse> Aggregated { get; } =
        Method(AggregatedService, "StreamAggregatedResources", DiscoveryRequest.Parser, DiscoveryResponse.Parser);

    public static Method<DeltaDiscoveryRequest, DeltaDiscoveryResponse> SecretsDelta { get; } =
        Method(SecretService, "DeltaSecrets", DeltaDiscoveryRequest.Parser, DeltaDiscoveryResponse.Parser);

    public static Method<DiscoveryRequest, DiscoveryResponse> Secrets { get; } =
        Method(SecretService, "StreamSecrets", DiscoveryRequest.Parser, DiscoveryResponse.Parser);

    private static Method<TRequest, TResponse> Method<TRequest, TResponse>(
        string service, string name, MessageParser<TRequest> request, MessageParser<TResponse> response)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        new(MethodType.DuplexStreaming, service, name, Marshaller(request), Marshaller(response));

    private static Marshaller<T> Marshaller<T>(MessageParser<T> parser)
        where T : class, IMessage<T> =>
        Marshallers.Create(
            static (message, context) =>
            {
                context.SetPayloadLength(message.CalculateSize());
                message.WriteTo(context.GetBufferWriter());
                context.Complete();
            },
            context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));
}
