using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>
/// The mirrors of one request. The body is gathered until the request is complete, within the request's buffer limit; a larger body is not
/// mirrored, because half a request would be worse than none.
/// </summary>
internal sealed class ShadowRequests
{
    private readonly List<ShadowRequest> _requests = [];
    private BodyBuffer _body;
    private BufferPool _pool = null!;
    private long _limit;

    /// <summary>What the copied body has on loan, used or not.</summary>
    public int Capacity => _body.Capacity;

    public bool IsEmpty => _requests.Count == 0;

    public void Begin(HttpStream stream, MirrorPolicyModel[] policies, long timeoutMilliseconds, long bufferLimit)
    {
        _pool = stream.Loop.Buffers;
        _limit = bufferLimit;
        if (stream.Upgrade is not null || stream.RequestHeaders[WellKnownHeader.Method].SequenceEqual("CONNECT"u8))
        {
            return;
        }

        foreach (MirrorPolicyModel policy in policies)
        {
            if (policy.Share.Holds(stream.NextRandom())
                && policy.Find(stream.RequestHeaders, stream.Hcm.Clusters) is { Current: not null } cluster)
            {
                _requests.Add(new ShadowRequest(stream, policy, cluster, timeoutMilliseconds));
            }
        }
    }

    /// <summary>False when this makes the body too large to be copied.</summary>
    public bool Data(ReadOnlySpan<byte> data)
    {
        if (_body.Length + data.Length > _limit)
        {
            Release();
            return false;
        }

        _body.Append(_pool, data);
        return true;
    }

    public void Complete(HeaderMap? trailers)
    {
        foreach (ShadowRequest request in _requests)
        {
            request.Send(_body.Span, trailers);
        }

        Release();
    }

    /// <summary>Forgets copies that were not sent; those that were run on by themselves.</summary>
    public void Release()
    {
        _requests.Clear();
        _body.Release();
    }
}
