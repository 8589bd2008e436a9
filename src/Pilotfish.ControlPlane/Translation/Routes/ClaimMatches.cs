using Envoy.Type.Matcher.V3;
using Istio.Networking.V1Alpha3;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>
/// "Headers" that are claims of the request's token: `@request.auth.claims.group.id` or `@request.auth.claims[group][id]`
/// (istio: pkg/jwt/routing.go). The filter that checks tokens leaves their content in the dynamic metadata.
/// </summary>
internal static class ClaimMatches
{
    private const string Prefix = "@request.auth.claims";
    private const string JwtFilter = "envoy.filters.http.jwt_authn";
    private const string Payload = "payload";

    /// <summary>The claim's path; null where the name is that of a header.</summary>
    public static IReadOnlyList<string>? Claim(string name)
    {
        if (!name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        string rest = name[Prefix.Length..];
        return rest switch
        {
            ['.', _, ..] => rest[1..].Split('.'),
            ['[', _, .., ']'] => rest[1..^1].Split("]["),
            _ => null,
        };
    }

    /// <summary>A claim is a text or a list of texts: one of them has to match.</summary>
    public static MetadataMatcher Build(IReadOnlyList<string> claim, StringMatch? value, bool isInverted)
    {
        var matcher = new MetadataMatcher { Filter = JwtFilter, Invert = isInverted, Value = Value(value) };
        matcher.Path.Add(new MetadataMatcher.Types.PathSegment { Key = Payload });
        matcher.Path.AddRange(claim.Select(static key => new MetadataMatcher.Types.PathSegment { Key = key }));
        return matcher;
    }

    private static ValueMatcher Value(StringMatch? value)
    {
        if (StringMatches.MeansPresent(value))
        {
            return new ValueMatcher { PresentMatch = true };
        }

        var text = new ValueMatcher { StringMatch = StringMatches.Convert(value!) };
        var either = new OrMatcher { ValueMatchers = { new ValueMatcher { ListMatch = new ListMatcher { OneOf = text } }, text } };
        return new ValueMatcher { OrMatch = either };
    }
}
