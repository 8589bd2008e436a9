using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Xds;

/// <summary>Incremental xDS: changes of subscriptions and of resources travel, never whole lists.</summary>
internal sealed class DeltaProtocol(EventLoop loop, ResourceTable table, Func<Node> node)
    : IXdsProtocol<DeltaDiscoveryRequest>
{
    private readonly ResponseOutcome _outcome = new(loop, table);
    private bool _introduced;

    public bool IsDelta => true;

    public IReadOnlyList<DeltaDiscoveryRequest> OnOpen()
    {
        List<DeltaDiscoveryRequest> requests = [];
        foreach (SubscribedType type in table.Types)
        {
            type.WasRequested = false;
            if (type.IsWanted)
            {
                requests.Add(First(type));
            }
        }

        return Introduced(requests);
    }

    public IReadOnlyList<DeltaDiscoveryRequest> TakeChanges()
    {
        List<DeltaDiscoveryRequest> requests = [];
        foreach (SubscribedType type in table.Types)
        {
            if (!type.IsChanged)
            {
                continue;
            }

            if (!type.WasRequested)
            {
                if (type.IsWanted)
                {
                    requests.Add(First(type));
                }

                continue;
            }

            type.IsChanged = false;
            if (type.Added.Count == 0 && type.Removed.Count == 0)
            {
                continue;
            }

            DeltaDiscoveryRequest request = new() { TypeUrl = type.Type.TypeUrl };
            if (type.Added.Contains(SubscribedType.Wildcard) && type.Removed.Remove(SubscribedType.Wildcard))
            {
                // Given up and asked for again: in one request the server might read the one behind the other.
                requests.Add(new() { TypeUrl = type.Type.TypeUrl, ResourceNamesUnsubscribe = { SubscribedType.Wildcard } });
            }

            request.ResourceNamesSubscribe.AddRange(type.Added);
            request.ResourceNamesUnsubscribe.AddRange(type.Removed);
            type.Added.Clear();
            type.Removed.Clear();
            type.Stats?.Attempted();
            requests.Add(request);
        }

        return Introduced(requests);
    }

    public DeltaDiscoveryRequest OnResponse(DiscoveryArrival response)
    {
        DeltaDiscoveryRequest answer = new() { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce };
        if (ResourceType.FromTypeUrl(response.TypeUrl) is not { } known || !table.Type(known).WasRequested)
        {
            answer.ErrorDetail = new Google.Rpc.Status { Code = 3, Message = $"nobody asked for type '{response.TypeUrl}'" };
            return answer;
        }

        SubscribedType type = table.Type(known);
        List<RejectedResource> rejected = [];
        List<ArrivedResource> added = response.Take(known, rejected);
        answer.ErrorDetail = _outcome.Apply(type, added, response.Removed, response.Version, rejected);
        type.Demanded?.Answered(response);
        return answer;
    }

    public void OnClosed()
    {
        _introduced = false;
        foreach (SubscribedType type in table.Types)
        {
            type.StreamEnded();
        }
    }

    // The first request of a stream carries the node, whichever type it is of.
    private List<DeltaDiscoveryRequest> Introduced(List<DeltaDiscoveryRequest> requests)
    {
        if (!_introduced && requests.Count > 0)
        {
            _introduced = true;
            requests[0].Node = node();
        }

        return requests;
    }

    private static DeltaDiscoveryRequest First(SubscribedType type)
    {
        DeltaDiscoveryRequest request = new() { TypeUrl = type.Type.TypeUrl };
        // No names at all is the wildcard in the first request of a type.
        if (!type.IsWildcard)
        {
            request.ResourceNamesSubscribe.AddRange(type.Names.Keys);
        }

        if (type.Demanded is { Count: > 0 } demanded)
        {
            if (type.IsWildcard)
            {
                request.ResourceNamesSubscribe.Add(SubscribedType.Wildcard);
            }

            request.ResourceNamesSubscribe.AddRange(demanded.Names);
        }

        foreach ((string name, HeldResource held) in type.Held)
        {
            request.InitialResourceVersions.Add(name, held.Version);
        }

        type.Added.Clear();
        type.Removed.Clear();
        type.IsChanged = false;
        type.WasRequested = true;
        type.Stats?.Attempted();
        return request;
    }
}
