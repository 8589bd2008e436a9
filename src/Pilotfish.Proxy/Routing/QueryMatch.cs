using System.Text;
using Envoy.Config.Route.V3;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled QueryParameterMatcher; looks at a parameter's first value.</summary>
public sealed class QueryMatch
{
    private readonly byte[] _name;
    private readonly StringMatch? _match;
    private readonly bool _present;

    private QueryMatch(QueryParameterMatcher matcher, string field)
    {
        _name = Encoding.UTF8.GetBytes(matcher.Name);
        bool byPresence = matcher.QueryParameterMatchSpecifierCase
            == QueryParameterMatcher.QueryParameterMatchSpecifierOneofCase.PresentMatch;
        _present = !byPresence || matcher.PresentMatch;
        _match = matcher.StringMatch is null ? null : StringMatch.Compile(matcher.StringMatch, $"{field}.string_match");
    }

    public static QueryMatch[] CompileAll(IList<QueryParameterMatcher> matchers, string field)
    {
        var compiled = new QueryMatch[matchers.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            compiled[i] = new QueryMatch(matchers[i], $"{field}[{i}]");
        }

        return compiled;
    }

    public bool Matches(ReadOnlySpan<byte> path)
    {
        bool found = QueryString.TryGet(path, _name, out ReadOnlySpan<byte> value);
        return _match is null ? found == _present : found && _match.Matches(value);
    }
}
