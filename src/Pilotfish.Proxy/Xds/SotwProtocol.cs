using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Xds;

/// <summary>State of the world: each request lists every wanted name; a response for listeners or clusters is the full set.</summary>
internal sealed class SotwProtocol(EventLoop loop, ResourceTable table, Func<Node> node)
    : IXdsProtocol<DiscoveryRequest>
{
    private readonly ResponseOutcome _outcome = new(loop, table);

    public bool IsDelta => false;

    public IReadOnlyList<DiscoveryRequest> OnOpen()
    {
        List<DiscoveryRequest> requests = [];
        foreach (SubscribedType type in table.Types)
        {
            // A nonce belongs to the stream that brought it; the version outlives it.
            type.Nonce = "";
            type.WasRequested = false;
            if (type.IsWanted)
            {
                requests.Add(Request(type));
            }
        }

        if (requests.Count > 0)
        {
            requests[0].Node = node();
        }

        return requests;
    }

    public IReadOnlyList<DiscoveryRequest> TakeChanges()
    {
        List<DiscoveryRequest> requests = [];
        foreach (SubscribedType type in table.Types)
        {
            if (type.IsChanged && (type.IsWanted || (type.WasRequested && !type.IsGivenUp)))
            {
                requests.Add(Request(type));
            }
        }

        return requests;
    }

    public DiscoveryRequest OnResponse(DiscoveryArrival response)
    {
        if (ResourceType.FromTypeUrl(response.TypeUrl) is not { } known || !table.Type(known).WasRequested)
        {
            return new DiscoveryRequest
            {
                TypeUrl = response.TypeUrl,
                ResponseNonce = response.Nonce,
                ErrorDetail = new Google.Rpc.Status { Code = 3, Message = $"nobody asked for type '{response.TypeUrl}'" },
            };
        }

        SubscribedType type = table.Type(known);
        List<RejectedResource> rejected = [];
        List<ArrivedResource> added = response.Take(known, rejected);
        List<string> removed = [];
        if (type.Collection is not null && rejected.Count == 0)
        {
            removed = Missing(type, added);
        }

        Google.Rpc.Status? refusal = _outcome.Apply(type, added, removed, response.Version, rejected);
        type.Nonce = response.Nonce;
        if (refusal is null)
        {
            type.AcceptedVersion = response.Version;
        }

        DiscoveryRequest answer = Request(type);
        answer.ErrorDetail = refusal;
        if (type.IsGivenUp)
        {
            type.BeginVersionsAnew();
        }

        return answer;
    }

    public void OnClosed()
    {
        foreach (SubscribedType type in table.Types)
        {
            type.StreamEnded();
        }
    }

    private static DiscoveryRequest Request(SubscribedType type)
    {
        DiscoveryRequest request = new()
        {
            TypeUrl = type.Type.TypeUrl,
            VersionInfo = type.AcceptedVersion,
            ResponseNonce = type.Nonce,
        };
        if (type.Collection is null)
        {
            request.ResourceNames.AddRange(type.Names.Keys);
        }

        type.Added.Clear();
        type.Removed.Clear();
        type.IsChanged = false;
        type.WasRequested = true;
        type.Stats?.Attempted();
        return request;
    }

    private static List<string> Missing(SubscribedType type, List<ArrivedResource> present)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (ArrivedResource update in present)
        {
            names.Add(update.Name);
        }

        List<string> missing = [];
        foreach (string name in type.Held.Keys)
        {
            if (!names.Contains(name))
            {
                missing.Add(name);
            }
        }

        return missing;
    }
}
