using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Xds.Type.Matcher.V3;
using EnvoyRegex = Envoy.Type.Matcher.V3.RegexMatcher;
using EnvoyString = Envoy.Type.Matcher.V3.StringMatcher;

namespace Pilotfish.Proxy.Matching;

/// <summary>String matchers of xds, which are Envoy's under another name.</summary>
internal static class StringMatches
{
    public static StringMatch Compile(StringMatcher matcher, string field)
    {
        var same = new EnvoyString { IgnoreCase = matcher.IgnoreCase };
        switch (matcher.MatchPatternCase)
        {
            case StringMatcher.MatchPatternOneofCase.Exact:
                same.Exact = matcher.Exact;
                break;
            case StringMatcher.MatchPatternOneofCase.Prefix:
                same.Prefix = matcher.Prefix;
                break;
            case StringMatcher.MatchPatternOneofCase.Suffix:
                same.Suffix = matcher.Suffix;
                break;
            case StringMatcher.MatchPatternOneofCase.Contains:
                same.Contains = matcher.Contains;
                break;
            case StringMatcher.MatchPatternOneofCase.SafeRegex:
                same.SafeRegex = new EnvoyRegex { Regex = matcher.SafeRegex.Regex };
                break;
            case StringMatcher.MatchPatternOneofCase.Custom:
                throw new ConfigRejectedException($"{field}.custom", $"the string matcher '{matcher.Custom.Name}' does not exist in Pilotfish");
            default:
                break;
        }

        return StringMatch.Compile(same, field);
    }
}
