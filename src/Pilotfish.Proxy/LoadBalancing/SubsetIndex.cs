using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>The subsets of one membership, found by the joined key of a request's metadata match. Immutable.</summary>
internal sealed class SubsetIndex
{
    // A list value multiplies subsets under list_as_any; a host with absurd lists must not make millions.
    private const int ValuesPerKeyMax = 64;

    private readonly SubsetPolicy _policy;
    private readonly Dictionary<string, HostSet> _byKey = [];
    private HostSet? _default;

    private SubsetIndex(SubsetPolicy policy) => _policy = policy;

    public SubsetPolicy Policy => _policy;

    public int Count => _byKey.Count;

    /// <summary>Hosts that a subset of single hosts left out.</summary>
    public int DuplicateCount { get; private init; }

    /// <summary>How many subsets this one has that the other does not.</summary>
    public int CountBeside(SubsetIndex? other)
    {
        int count = 0;
        foreach (string key in _byKey.Keys)
        {
            count += other?._byKey.ContainsKey(key) == true ? 0 : 1;
        }

        return count;
    }

    public static SubsetIndex Build(SubsetPolicy policy, IReadOnlyList<Host> hosts, Func<IReadOnlyList<Host>, HostSet> build)
    {
        var members = new Dictionary<string, List<Host>>();
        var defaults = new List<Host>();
        int duplicates = 0;
        string defaultKey = SubsetMatch.Create(policy.DefaultSubset)?.CanonicalKey ?? "";
        foreach (Host host in hosts)
        {
            Struct? fields = host.Config.Metadata.Namespace(EndpointMetadata.SubsetNamespace);
            foreach (SubsetSelector selector in policy.Selectors)
            {
                AddTo(members, host, fields, selector, policy.ListAsAny, ref duplicates);
            }

            if (defaultKey.Length == 0 || Matches(fields, policy.DefaultSubset, policy.ListAsAny))
            {
                defaults.Add(host);
            }
        }

        var index = new SubsetIndex(policy) { DuplicateCount = duplicates };
        foreach ((string key, List<Host> subset) in members)
        {
            index._byKey.Add(key, build(subset));
        }

        index._default = policy.Fallback == SubsetFallback.DefaultSubset || HasDefaultSelector(policy) ? build(defaults) : null;
        return index;
    }

    /// <summary>The hosts for a request; <paramref name="whole"/> when any endpoint may serve it, null when none may.</summary>
    /// <param name="match">What it asks for; null = nothing.</param>
    /// <param name="whole">The membership.</param>
    /// <param name="how">What led to them.</param>
    public HostSet? Find(SubsetMatch? match, HostSet whole, out SubsetChoice how)
    {
        if (match is not null && _byKey.TryGetValue(match.CanonicalKey, out HostSet? subset))
        {
            how = SubsetChoice.Selected;
            return subset;
        }

        SubsetSelector? selector = match is null ? null : SelectorOf(match);
        if (selector?.Fallback == SubsetFallback.KeysSubset)
        {
            return Find(Reduce(match!, selector.FallbackKeys), whole, out how);
        }

        how = selector?.Fallback is null ? SubsetChoice.ClusterFallback : SubsetChoice.SelectorFallback;
        return (selector?.Fallback ?? _policy.Fallback) switch
        {
            SubsetFallback.AnyEndpoint => whole,
            SubsetFallback.DefaultSubset => _default,
            _ => null,
        };
    }

    private static bool HasDefaultSelector(SubsetPolicy policy)
    {
        foreach (SubsetSelector selector in policy.Selectors)
        {
            if (selector.Fallback == SubsetFallback.DefaultSubset)
            {
                return true;
            }
        }

        return false;
    }

    private SubsetSelector? SelectorOf(SubsetMatch match)
    {
        foreach (SubsetSelector selector in _policy.Selectors)
        {
            bool same = selector.Keys.Count == match.Pairs.Count;
            for (int i = 0; same && i < match.Pairs.Count; i++)
            {
                same = selector.Keys[i] == match.Pairs[i].Key;
            }

            if (same)
            {
                return selector;
            }
        }

        return null;
    }

    // The fallback keys are a strict subset of the selector's (checked when the cluster compiles), so this ends.
    private static SubsetMatch? Reduce(SubsetMatch match, IReadOnlyList<string> keys)
    {
        var kept = new List<KeyValuePair<string, string>>();
        foreach (KeyValuePair<string, string> pair in match.Pairs)
        {
            foreach (string key in keys)
            {
                if (key == pair.Key)
                {
                    kept.Add(pair);
                }
            }
        }

        return SubsetMatch.Create(kept);
    }

    private static void AddTo(
        Dictionary<string, List<Host>> members, Host host, Struct? fields, SubsetSelector selector, bool listAsAny, ref int duplicates)
    {
        var combinations = new List<List<KeyValuePair<string, string>>> { new() };
        foreach (string key in selector.Keys)
        {
            if (fields is null || !fields.Fields.TryGetValue(key, out Value? value))
            {
                return;
            }

            var longer = new List<List<KeyValuePair<string, string>>>();
            foreach (string text in Texts(value, listAsAny))
            {
                foreach (List<KeyValuePair<string, string>> prefix in combinations)
                {
                    longer.Add([.. prefix, new(key, text)]);
                }
            }

            combinations = longer;
        }

        foreach (List<KeyValuePair<string, string>> pairs in combinations)
        {
            string joined = SubsetMatch.Join(pairs);
            if (!members.TryGetValue(joined, out List<Host>? list))
            {
                members.Add(joined, list = []);
            }

            if (selector.HasSingleHosts && list.Count > 0)
            {
                duplicates++;
            }
            else
            {
                list.Add(host);
            }
        }
    }

    private static List<string> Texts(Value value, bool listAsAny)
    {
        if (!listAsAny || value.KindCase != Value.KindOneofCase.ListValue)
        {
            return [MetadataText.Of(value)];
        }

        var texts = new List<string>();
        for (int i = 0; i < Math.Min(ValuesPerKeyMax, value.ListValue.Values.Count); i++)
        {
            texts.Add(MetadataText.Of(value.ListValue.Values[i]));
        }

        return texts;
    }

    private static bool Matches(Struct? fields, IReadOnlyList<KeyValuePair<string, string>> pairs, bool listAsAny)
    {
        foreach ((string key, string wanted) in pairs)
        {
            if (fields is null || !fields.Fields.TryGetValue(key, out Value? value) || !Texts(value, listAsAny).Contains(wanted))
            {
                return false;
            }
        }

        return true;
    }
}
