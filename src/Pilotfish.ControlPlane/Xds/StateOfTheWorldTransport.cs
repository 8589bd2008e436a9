using Envoy.Service.Discovery.V3;
using Grpc.Core;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>The variant in which every request names all that is wanted.</summary>
internal sealed class StateOfTheWorldTransport(
    IAsyncStreamReader<DiscoveryRequest> requests, IServerStreamWriter<DiscoveryResponse> responses) : IXdsTransport
{
    public bool IsIncremental => false;

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
            Subscribe = given.ResourceNames,
            NamesAreWhole = true,
        };
    }

    public Task WriteAsync(XdsResponse response, CancellationToken cancellation)
    {
        var message = new DiscoveryResponse
        {
            TypeUrl = response.TypeUrl,
            VersionInfo = response.Version,
            Nonce = response.Nonce,
            ControlPlane = XdsIdentity.ControlPlane,
        };
        foreach (var resource in response.Resources)
        {
            message.Resources.Add(resource.Content);
        }

        return responses.WriteAsync(message, cancellation);
    }
}
