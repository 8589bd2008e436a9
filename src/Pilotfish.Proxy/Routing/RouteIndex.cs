using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// Finds the first matching route of a list. Routes whose path is exact and case-sensitive are reached through a dictionary, routes
/// whose path must begin with a known text (prefixes, most regular expressions) through a table of those texts; the others are walked in
/// order. The order of the list decides, so all candidates are compared by position.
/// </summary>
public sealed class RouteIndex
{
    // Below this a walk is cheaper than hashing the path.
    private const int IndexFromRoutes = 8;

    private readonly int[] _walked;
    private readonly Dictionary<ByteKey, int[]> _exact;
    private readonly PrefixTable? _prefixes;

    private RouteIndex(RouteModel[] routes)
    {
        var walked = new List<int>();
        var exact = new Dictionary<ByteKey, List<int>>(ByteKeyComparer.Instance);
        var prefixed = new Dictionary<ByteKey, List<int>>(ByteKeyComparer.Instance);
        for (int i = 0; i < routes.Length; i++)
        {
            if (routes[i].ExactPath is { } path)
            {
                Add(exact, new ByteKey(path), i);
            }
            else if (routes[i].Matcher.Path.RequiredPrefix is { } prefix)
            {
                Add(prefixed, new ByteKey(prefix), i);
            }
            else
            {
                walked.Add(i);
            }
        }

        _walked = [.. walked];
        _exact = new Dictionary<ByteKey, int[]>(ByteKeyComparer.Instance);
        foreach ((ByteKey key, List<int> list) in exact)
        {
            _exact.Add(key, [.. list]);
        }

        _prefixes = prefixed.Count > 0 ? new PrefixTable(prefixed) : null;
    }

    /// <summary>Null for a list so short that a walk is cheaper.</summary>
    public static RouteIndex? Of(RouteModel[] routes) => routes.Length < IndexFromRoutes ? null : new RouteIndex(routes);

    public static RouteModel? Find(
        RouteIndex? index, RouteModel[] routes, bool ignoresParameters, HeaderMap headers, StreamInfo info, ulong random)
    {
        ReadOnlySpan<byte> path = QueryString.PathOnly(headers[WellKnownHeader.Path]);
        if (ignoresParameters && path.IndexOf((byte)';') is >= 0 and int parameters)
        {
            path = path[..parameters];
        }

        bool isConnect = headers[WellKnownHeader.Method].SequenceEqual("CONNECT"u8);
        if (index is null)
        {
            foreach (RouteModel route in routes)
            {
                if (route.Matcher.Matches(headers, path, isConnect, info, random))
                {
                    return route;
                }
            }

            return null;
        }

        int best = int.MaxValue;
        if (index._exact.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(path, out int[]? candidates))
        {
            best = First(routes, candidates, int.MaxValue, headers, path, isConnect, info, random);
        }

        if (index._prefixes is { } prefixes)
        {
            for (int entry = prefixes.FindLongest(path); entry >= 0; entry = prefixes.ShorterThan(entry))
            {
                best = Math.Min(best, First(routes, prefixes.PositionsOf(entry), best, headers, path, isConnect, info, random));
            }
        }

        best = Math.Min(best, First(routes, index._walked, best, headers, path, isConnect, info, random));
        return best == int.MaxValue ? null : routes[best];
    }

    private static void Add(Dictionary<ByteKey, List<int>> lists, ByteKey key, int position)
    {
        if (!lists.TryGetValue(key, out List<int>? list))
        {
            lists.Add(key, list = []);
        }

        list.Add(position);
    }

    private static int First(
        RouteModel[] routes, int[] positions, int before, HeaderMap headers, ReadOnlySpan<byte> path, bool isConnect,
        StreamInfo info, ulong random)
    {
        foreach (int position in positions)
        {
            if (position >= before)
            {
                break;
            }

            if (routes[position].Matcher.Matches(headers, path, isConnect, info, random))
            {
                return position;
            }
        }

        return int.MaxValue;
    }
}
