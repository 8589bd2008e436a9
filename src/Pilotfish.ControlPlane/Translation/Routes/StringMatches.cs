using Envoy.Type.Matcher.V3;
using Istio.Networking.V1Alpha3;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>Istio string matches as Envoy string matchers.</summary>
internal static class StringMatches
{
    // Written by people for "any value"; as a regular expression it would not compile.
    private const string AnyValue = "*";

    public static StringMatcher? Convert(StringMatch match) => match.MatchTypeCase switch
    {
        StringMatch.MatchTypeOneofCase.Exact => new StringMatcher { Exact = match.Exact },
        StringMatch.MatchTypeOneofCase.Prefix => new StringMatcher { Prefix = match.Prefix },
        StringMatch.MatchTypeOneofCase.Regex => new StringMatcher { SafeRegex = new RegexMatcher { Regex = match.Regex } },
        _ => null,
    };

    /// <summary>True when the match asks only for presence.</summary>
    public static bool MeansPresent(StringMatch? match) =>
        match is null
        || match.MatchTypeCase == StringMatch.MatchTypeOneofCase.None
        || (match.MatchTypeCase == StringMatch.MatchTypeOneofCase.Regex && match.Regex == AnyValue);
}
