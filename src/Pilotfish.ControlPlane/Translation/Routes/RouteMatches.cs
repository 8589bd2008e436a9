using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using Istio.Networking.V1Alpha3;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>Turns one HTTP match entry into a route match.</summary>
internal static class RouteMatches
{
    private const string CatchAllRegex = ".*";
    private const string Root = "/";

    public static RouteMatch Any() => new() { Prefix = Root };

    public static RouteMatch Build(HTTPMatchRequest? given)
    {
        var match = Any();
        if (given is null)
        {
            return match;
        }

        AddHeaders(match, given);
        if (given.Uri is { } uri)
        {
            switch (uri.MatchTypeCase)
            {
                case StringMatch.MatchTypeOneofCase.Exact: match.Path = uri.Exact; break;
                case StringMatch.MatchTypeOneofCase.Prefix: match.Prefix = uri.Prefix; break;
                case StringMatch.MatchTypeOneofCase.Regex: match.SafeRegex = new RegexMatcher { Regex = uri.Regex }; break;
            }
        }

        match.CaseSensitive = !given.IgnoreUriCase;
        AddPseudoHeader(match, ":method", given.Method);
        AddPseudoHeader(match, ":authority", given.Authority);
        AddPseudoHeader(match, ":scheme", given.Scheme);
        foreach (var (name, value) in given.QueryParams.OrderBy(static q => q.Key, StringComparer.Ordinal))
        {
            match.QueryParameters.Add(Query(name, value));
        }

        return match;
    }

    /// <summary>True when the route takes every request, so that nothing after it can match.</summary>
    public static bool IsCatchAll(RouteMatch match)
    {
        var anyPath = match.PathSpecifierCase switch
        {
            RouteMatch.PathSpecifierOneofCase.Prefix => match.Prefix == Root,
            RouteMatch.PathSpecifierOneofCase.PathSeparatedPrefix => match.PathSeparatedPrefix == Root,
            RouteMatch.PathSpecifierOneofCase.SafeRegex => match.SafeRegex.Regex == CatchAllRegex,
            _ => false,
        };
        return anyPath && match.Headers.Count == 0 && match.QueryParameters.Count == 0 && match.DynamicMetadata.Count == 0;
    }

    private static void AddHeaders(RouteMatch match, HTTPMatchRequest given)
    {
        var headers = new List<HeaderMatcher>();
        foreach (var (name, value) in given.Headers.OrderBy(static h => h.Key, StringComparer.Ordinal))
        {
            if (ClaimMatches.Claim(name) is { } claim)
            {
                match.DynamicMetadata.Add(ClaimMatches.Build(claim, value, isInverted: false));
                continue;
            }

            headers.Add(Header(name, value));
        }

        foreach (var (name, value) in given.WithoutHeaders.OrderBy(static h => h.Key, StringComparer.Ordinal))
        {
            if (ClaimMatches.Claim(name) is { } claim)
            {
                match.DynamicMetadata.Add(ClaimMatches.Build(claim, value, isInverted: true));
                continue;
            }

            var header = Header(name, value);
            header.InvertMatch = true;

            // "Not this value" is also true of a request that lacks the header.
            header.TreatMissingHeaderAsEmpty = !StringMatches.MeansPresent(value);
            headers.Add(header);
        }

        match.Headers.AddRange(headers.OrderBy(static h => h.Name, StringComparer.Ordinal));
    }

    private static void AddPseudoHeader(RouteMatch match, string name, StringMatch? value)
    {
        if (value is not null)
        {
            match.Headers.Add(Header(name, value));
        }
    }

    private static HeaderMatcher Header(string name, StringMatch? value)
    {
        var header = new HeaderMatcher { Name = name };
        if (StringMatches.MeansPresent(value))
        {
            header.PresentMatch = true;
        }
        else
        {
            header.StringMatch = StringMatches.Convert(value!);
        }

        return header;
    }

    private static QueryParameterMatcher Query(string name, StringMatch? value)
    {
        var query = new QueryParameterMatcher { Name = name };
        if (StringMatches.MeansPresent(value))
        {
            query.PresentMatch = true;
        }
        else
        {
            query.StringMatch = StringMatches.Convert(value!);
        }

        return query;
    }
}
