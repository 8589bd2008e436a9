using System.Diagnostics.CodeAnalysis;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// Requests that wait for a connection to a host, first come, first served; the cluster's breaker bounds how many may wait
/// (max_pending_requests). Loop-affine.
/// </summary>
internal sealed class PendingRequests(CircuitBreaker breaker, ClusterStats stats, StatCells cells, Counter cancelled)
{
    private readonly LinkedList<IPoolRequester> _waiting = new();

    public int Count => _waiting.Count;

    /// <summary>False when too many wait already: the request has failed then.</summary>
    public bool TryAdd(IPoolRequester requester)
    {
        if (!breaker.PendingRequests.TryAcquire())
        {
            cells.Add(stats.RqPendingOverflow);
            requester.OnPoolFailure(StreamResetReason.Overflow, null);
            return false;
        }

        cells.Add(stats.RqPendingTotal);
        cells.Increment(stats.RqPendingActive);
        _waiting.AddLast(requester);
        return true;
    }

    public bool TryTake([NotNullWhen(true)] out IPoolRequester? requester)
    {
        requester = _waiting.First?.Value;
        if (requester is null)
        {
            return false;
        }

        _waiting.RemoveFirst();
        Left();
        return true;
    }

    /// <summary>The requester wants nothing any more; one that does not wait is none of ours.</summary>
    public void GiveUp(IPoolRequester requester)
    {
        if (_waiting.Remove(requester))
        {
            Left();
            cells.Add(cancelled);
        }
    }

    /// <summary>No connection could be opened. A failed request may ask again at once: only those that wait now fail.</summary>
    public void Fail(StreamResetReason reason, string? transportFailure)
    {
        for (int left = _waiting.Count; left > 0 && TryTake(out IPoolRequester? first); left--)
        {
            cells.Add(stats.RqPendingFailureEject);
            first.OnPoolFailure(reason, transportFailure);
        }
    }

    private void Left()
    {
        breaker.PendingRequests.Release();
        cells.Decrement(stats.RqPendingActive);
    }
}
