using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http2.InternalServer;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Agent.Identity;

/// <summary>
/// StreamSecrets: the state-of-the-world dialect. As for every type whose resources are asked for by name, a response holds what changed;
/// absence removes nothing.
/// </summary>
internal sealed class StreamSecretsCall(SecretStore store, GrpcServerCall call) : SecretCall(store, call)
{
    public override void OnMessage(ReadOnlySpan<byte> message)
    {
        DiscoveryRequest request;
        try
        {
            request = DiscoveryRequest.Parser.ParseFrom(message);
        }
        catch (InvalidProtocolBufferException e)
        {
            Finish(GrpcStatusCode.InvalidArgument, $"The request is no DiscoveryRequest: {e.Message}");
            return;
        }

        // A nonce of a response that another one has followed meanwhile: the client will answer that one too.
        bool isStale = request.ResponseNonce.Length > 0 && request.ResponseNonce != LastNonce;
        if (!CheckRequest(request.Node, request.TypeUrl, request.ResponseNonce, request.ErrorDetail) || isStale)
        {
            return;
        }

        foreach (string name in Names.Where(name => !request.ResourceNames.Contains(name)).ToArray())
        {
            Unwant(name);
        }

        foreach (string name in request.ResourceNames)
        {
            if (!TryWant(name, hasVersion: ""))
            {
                Finish(GrpcStatusCode.NotFound, $"This agent has no secret '{name}'.");
                return;
            }
        }

        SendDue();
    }

    protected override IMessage Response(IReadOnlyList<ServedSecret> secrets, string nonce)
    {
        var response = new DiscoveryResponse
        {
            TypeUrl = ResourceType.Secret.TypeUrl,
            VersionInfo = secrets[^1].Version,
            Nonce = nonce,
        };
        foreach (ServedSecret secret in secrets)
        {
            response.Resources.Add(new Any { TypeUrl = ResourceType.Secret.TypeUrl, Value = secret.Message });
        }

        return response;
    }
}
