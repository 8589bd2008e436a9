using Envoy.Service.Discovery.V3;
using Grpc.Core;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>The incremental variant.</summary>
internal sealed class DeltaTransport(
    IAsyncStreamReader<DeltaDiscoveryRequest> requests, IServerStreamWriter<DeltaDiscoveryResponse> responses) : IXdsTransport
{
    public bool IsIncremental => true;

    public async Task<XdsRequest?> ReadAsync(CancellationToken cancellation)
    {
        if (!await requests.MoveNext(cancellation))
        {
            return null;
        }

        var given = requests.Current;
        return new XdsRequest
        {
            TypeUrl = given.TypeUrl,
            Node = given.Node,
            ResponseNonce = given.ResponseNonce,
            Error = given.ErrorDetail?.Message,
            Subscribe = given.ResourceNamesSubscribe,
            Unsubscribe = given.ResourceNamesUnsubscribe,
            HeldVersions = new Dictionary<string, string>(given.InitialResourceVersions),
        };
    }

    public Task WriteAsync(XdsResponse response, CancellationToken cancellation)
    {
        var message = new DeltaDiscoveryResponse
        {
            TypeUrl = response.TypeUrl,
            SystemVersionInfo = response.Version,
            Nonce = response.Nonce,
            ControlPlane = XdsIdentity.ControlPlane,
        };
        foreach (var resource in response.Resources)
        {
            message.Resources.Add(new Resource { Name = resource.Name, Version = resource.Version, Resource_ = resource.Content });
        }

        message.RemovedResources.AddRange(response.Removed);
        return responses.WriteAsync(message, cancellation);
    }
}
