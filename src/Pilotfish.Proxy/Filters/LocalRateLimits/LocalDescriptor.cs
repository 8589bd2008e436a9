using Pilotfish.Proxy.Filters.RateLimits;

namespace Pilotfish.Proxy.Filters.LocalRateLimits;

/// <summary>
/// A configured descriptor with a bucket of its own. Entries without a value take any: then each combination of values has a bucket, of which
/// the ones used last are kept. Any thread, without a lock.
/// </summary>
/// <param name="entries">Keys and values, in the order in which a request's descriptor must have them.</param>
/// <param name="bucket">Where no entry takes any value; else the size of those that are made.</param>
/// <param name="isShadow">shadow_mode: requests beyond it pass.</param>
/// <param name="dynamicMax">max_dynamic_descriptors.</param>
internal sealed class LocalDescriptor(DescriptorEntry[] entries, TokenBucket bucket, bool isShadow, uint dynamicMax)
{
    // Of values that requests brought. A new one replaces the array: there are few, and a look at all of them costs less than a table would.
    private ValueBucket[] _ofValues = [];

    public bool IsShadow => isShadow;

    public double NanosecondsPerToken => bucket.NanosecondsPerToken;

    public ReadOnlySpan<DescriptorEntry> Entries => entries;

    /// <summary>The bucket of a request's descriptor; null for one that is another.</summary>
    public TokenBucket? Find(Descriptor descriptor, long nowNanoseconds)
    {
        if (descriptor.Entries.Count != entries.Length)
        {
            return null;
        }

        bool isDynamic = false;
        for (int i = 0; i < entries.Length; i++)
        {
            DescriptorEntry asked = descriptor.Entries[i];
            isDynamic |= entries[i].Value.Length == 0;
            if (asked.Key != entries[i].Key || (entries[i].Value.Length > 0 && asked.Value != entries[i].Value))
            {
                return null;
            }
        }

        return isDynamic ? OfValues(descriptor.Entries, nowNanoseconds) : bucket;
    }

    private TokenBucket OfValues(List<DescriptorEntry> asked, long nowNanoseconds)
    {
        while (true)
        {
            ValueBucket[] known = Volatile.Read(ref _ofValues);
            int oldest = 0;
            for (int i = 0; i < known.Length; i++)
            {
                if (known[i].Is(asked))
                {
                    known[i].LastUse = nowNanoseconds;
                    return known[i].Bucket;
                }

                oldest = known[i].LastUse < known[oldest].LastUse ? i : oldest;
            }

            var added = new ValueBucket([.. asked], bucket.Another(nowNanoseconds)) { LastUse = nowNanoseconds };
            ValueBucket[] more = known.Length < dynamicMax ? [.. known, added] : [.. known];
            if (known.Length >= dynamicMax)
            {
                // Clients choose the values: whoever was not seen for longest makes room.
                more[oldest] = added;
            }

            if (Interlocked.CompareExchange(ref _ofValues, more, known) == known)
            {
                return added.Bucket;
            }
        }
    }

    private sealed class ValueBucket(DescriptorEntry[] values, TokenBucket bucket)
    {
        public TokenBucket Bucket => bucket;

        /// <summary>Written by any thread; which of two that come together stays says nothing.</summary>
        public long LastUse { get; set; }

        public bool Is(List<DescriptorEntry> asked)
        {
            for (int i = 0; i < values.Length; i++)
            {
                if (values[i].Value != asked[i].Value)
                {
                    return false;
                }
            }

            return true;
        }
    }
}
