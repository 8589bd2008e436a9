using Pilotfish.Proxy.Filters.RateLimits;

namespace Pilotfish.Proxy.Filters.LocalRateLimits;

/// <summary>The buckets of one limit: of the whole process, or of one connection. Any thread.</summary>
/// <param name="bucket">For requests without a descriptor of their own; null for none.</param>
/// <param name="descriptors">Slowest first, as in Envoy: whom the strictest refuses takes nothing from the others.</param>
/// <param name="alwaysTakesOwn">Whether requests with a descriptor take from <paramref name="bucket"/>, too.</param>
internal sealed class LocalLimiter(TokenBucket? bucket, LocalDescriptor[] descriptors, bool alwaysTakesOwn)
{
    /// <summary>Whether a request may pass.</summary>
    /// <param name="asked">Its descriptors.</param>
    /// <param name="nowNanoseconds">The loop's.</param>
    /// <param name="counted">The bucket that decided, or the first that it was counted in; null where there is none.</param>
    /// <param name="rule">What made the descriptor of that bucket; null for none.</param>
    public bool Allows(List<Descriptor>? asked, long nowNanoseconds, out TokenBucket? counted, out RateLimitRule? rule)
    {
        counted = null;
        rule = null;
        bool matched = false;
        foreach (LocalDescriptor descriptor in descriptors)
        {
            foreach (Descriptor request in asked ?? [])
            {
                if (descriptor.Find(request, nowNanoseconds) is not { } own)
                {
                    continue;
                }

                if (!matched)
                {
                    (matched, counted, rule) = (true, own, request.Rule);
                }

                if (!own.TryTake(request.Hits, nowNanoseconds) && !descriptor.IsShadow)
                {
                    (counted, rule) = (own, request.Rule);
                    return false;
                }

                break;
            }
        }

        if (bucket is null || (matched && !alwaysTakesOwn))
        {
            return true;
        }

        bool allowed = bucket.TryTake(1, nowNanoseconds);
        if (!allowed || !matched)
        {
            (counted, rule) = (bucket, null);
        }

        return allowed;
    }
}
