using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using Grpc.Net.Client;
using Pilotfish.Testing;

namespace Pilotfish.ControlPlane.Tests.Xds;

/// <summary>A delta xDS client that does what a test tells it.</summary>
internal sealed class ScriptedProxy : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> _call;
    private readonly Node _node;
    private bool _introduced;

    public ScriptedProxy(Uri address, Node node)
    {
        _channel = GrpcChannel.ForAddress(address);
        _call = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(_channel).DeltaAggregatedResources();
        _node = node;
    }

    public Task SubscribeAsync(string typeUrl, params string[] names) =>
        SendAsync(new DeltaDiscoveryRequest { TypeUrl = typeUrl, ResourceNamesSubscribe = { names } });

    /// <summary>Subscribes as a client that kept resources over a reconnect.</summary>
    public Task ResumeAsync(string typeUrl, IDictionary<string, string> held)
    {
        var request = new DeltaDiscoveryRequest { TypeUrl = typeUrl };
        request.InitialResourceVersions.Add(held);
        return SendAsync(request);
    }

    public Task AcknowledgeAsync(DeltaDiscoveryResponse response) =>
        SendAsync(new DeltaDiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce });

    public Task RejectAsync(DeltaDiscoveryResponse response, string reason) => SendAsync(new DeltaDiscoveryRequest
    {
        TypeUrl = response.TypeUrl,
        ResponseNonce = response.Nonce,
        ErrorDetail = new Google.Rpc.Status { Code = 3, Message = reason },
    });

    public async Task<DeltaDiscoveryResponse> ReceiveAsync()
    {
        Assert.True(await _call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience.Limit));
        return _call.ResponseStream.Current;
    }

    /// <summary>Receives, checks the type and acknowledges.</summary>
    public async Task<DeltaDiscoveryResponse> AcceptAsync(string typeUrl)
    {
        var response = await ReceiveAsync();
        Assert.Equal(typeUrl, response.TypeUrl);
        await AcknowledgeAsync(response);
        return response;
    }

    public void Dispose()
    {
        _call.Dispose();
        _channel.Dispose();
    }

    private async Task SendAsync(DeltaDiscoveryRequest request)
    {
        if (!_introduced)
        {
            request.Node = _node;
            _introduced = true;
        }

        await _call.RequestStream.WriteAsync(request);
    }
}
