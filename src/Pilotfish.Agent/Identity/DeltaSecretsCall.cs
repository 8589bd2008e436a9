using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http2.InternalServer;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Agent.Identity;

/// <summary>DeltaSecrets: the incremental dialect, which Istio's own agent does not speak; names that nothing is served under are told as removed.</summary>
internal sealed class DeltaSecretsCall(SecretStore store, GrpcServerCall call) : SecretCall(store, call)
{
    private const string Wildcard = "*";

    private readonly HashSet<string> _removed = new(StringComparer.Ordinal);

    protected override bool HasMore => _removed.Count > 0;

    public override void OnMessage(ReadOnlySpan<byte> message)
    {
        DeltaDiscoveryRequest request;
        try
        {
            request = DeltaDiscoveryRequest.Parser.ParseFrom(message);
        }
        catch (InvalidProtocolBufferException e)
        {
            Finish(GrpcStatusCode.InvalidArgument, $"The request is no DeltaDiscoveryRequest: {e.Message}");
            return;
        }

        if (!CheckRequest(request.Node, request.TypeUrl, request.ResponseNonce, request.ErrorDetail))
        {
            return;
        }

        // Subscriptions change whatever the nonce: they are no state of a response.
        foreach (string name in request.ResourceNamesUnsubscribe)
        {
            Unwant(name);
            _removed.Remove(name);
        }

        foreach (string name in request.ResourceNamesSubscribe)
        {
            if (name == Wildcard)
            {
                Finish(GrpcStatusCode.InvalidArgument, "Secrets are asked for by name; there is no '*'.");
                return;
            }

            request.InitialResourceVersions.TryGetValue(name, out string? version);
            if (!TryWant(name, version ?? "") && !Call.IsEnded)
            {
                Remove(name);
            }
        }

        SendDue();
    }

    protected override IMessage Response(IReadOnlyList<ServedSecret> secrets, string nonce)
    {
        var response = new DeltaDiscoveryResponse
        {
            TypeUrl = ResourceType.Secret.TypeUrl,
            SystemVersionInfo = secrets.Count > 0 ? secrets[^1].Version : "",
            Nonce = nonce,
        };
        foreach (ServedSecret secret in secrets)
        {
            response.Resources.Add(new Resource
            {
                Name = secret.Name,
                Version = secret.Version,
                Resource_ = new Any { TypeUrl = ResourceType.Secret.TypeUrl, Value = secret.Message },
            });
        }

        response.RemovedResources.AddRange(_removed);
        return response;
    }

    protected override void Sent() => _removed.Clear();

    private void Remove(string name)
    {
        _removed.Add(name);
        if (_removed.Count > NamesMax)
        {
            Finish(GrpcStatusCode.ResourceExhausted, $"A call may ask for at most {NamesMax} secrets.");
        }
    }
}
