using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// Finds the first matching route of a list. Routes whose path is exact and case-sensitive are reached through a dictionary; the others
/// are walked in order. The order of the list decides, so both candidates are compared by position.
/// </summary>
public sealed class RouteIndex
{
    // Below this a walk is cheaper than hashing the path.
    private const int IndexFromRoutes = 8;

    private readonly RouteModel[] _routes;
    private readonly int[] _walked;
    private readonly Dictionary<ByteKey, int[]>? _exact;

    public RouteIndex(RouteModel[] routes, IReadOnlyList<string?> exactPaths)
    {
        _routes = routes;
        if (routes.Length < IndexFromRoutes)
        {
            _walked = new int[routes.Length];
            for (int i = 0; i < routes.Length; i++)
            {
                _walked[i] = i;
            }

            return;
        }

        var walked = new List<int>();
        var exact = new Dictionary<ByteKey, List<int>>(ByteKeyComparer.Instance);
        for (int i = 0; i < routes.Length; i++)
        {
            if (exactPaths[i] is not { } path)
            {
                walked.Add(i);
                continue;
            }

            var key = new ByteKey(path);
            if (!exact.TryGetValue(key, out List<int>? list))
            {
                exact.Add(key, list = []);
            }

            list.Add(i);
        }

        _walked = [.. walked];
        _exact = new Dictionary<ByteKey, int[]>(ByteKeyComparer.Instance);
        foreach ((ByteKey key, List<int> list) in exact)
        {
            _exact.Add(key, [.. list]);
        }
    }

    public RouteModel? Find(HeaderMap headers, StreamInfo info, ulong random)
    {
        ReadOnlySpan<byte> path = headers[WellKnownHeader.Path];
        ReadOnlySpan<byte> pathOnly = QueryString.PathOnly(path);
        bool isConnect = headers[WellKnownHeader.Method].SequenceEqual("CONNECT"u8);
        int best = int.MaxValue;
        if (_exact is not null && _exact.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(pathOnly, out int[]? candidates))
        {
            best = First(candidates, int.MaxValue, headers, path, pathOnly, isConnect, info, random);
        }

        best = Math.Min(best, First(_walked, best, headers, path, pathOnly, isConnect, info, random));
        return best == int.MaxValue ? null : _routes[best];
    }

    private int First(
        int[] positions, int before, HeaderMap headers, ReadOnlySpan<byte> path, ReadOnlySpan<byte> pathOnly, bool isConnect,
        StreamInfo info, ulong random)
    {
        foreach (int position in positions)
        {
            if (position >= before)
            {
                break;
            }

            if (_routes[position].Matcher.Matches(headers, path, pathOnly, isConnect, info, random))
            {
                return position;
            }
        }

        return int.MaxValue;
    }
}
