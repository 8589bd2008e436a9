using System.Formats.Asn1;
using System.Text;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Type.Matcher.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Tls;

/// <summary>One matcher of names (SubjectAltNameMatcher). Immutable.</summary>
/// <param name="Kind">Which names it looks at.</param>
/// <param name="Match">What their text must be.</param>
/// <param name="Exact">The text of an exact matcher, which a certificate's wildcard meets too; else null.</param>
/// <param name="Oid">Which other names, dotted.</param>
internal sealed record SubjectAltNameRule(SubjectAltNameKind Kind, StringMatch Match, string? Exact, string? Oid)
{
    public static SubjectAltNameRule Compile(SubjectAltNameMatcher matcher, string field)
    {
        SubjectAltNameKind kind = KindOf(matcher.SanType, field + ".san_type");
        StringMatcher text = matcher.Matcher ?? throw new ConfigRejectedException(field + ".matcher", "a matcher is required");
        if (kind == SubjectAltNameKind.OtherName && !IsOid(matcher.Oid))
        {
            throw new ConfigRejectedException(field + ".oid", matcher.Oid.Length == 0
                ? "an OTHER_NAME matcher needs the OID of the names that it looks at"
                : $"'{matcher.Oid}' is no OID in dotted form");
        }

        return new SubjectAltNameRule(
            kind, StringMatch.Compile(text, field + ".matcher"), ExactOf(text), kind == SubjectAltNameKind.OtherName ? matcher.Oid : null);
    }

    /// <summary>match_subject_alt_names, which looks at every kind but other names.</summary>
    public static SubjectAltNameRule CompileUntyped(StringMatcher matcher, string field) =>
        new(SubjectAltNameKind.Any, StringMatch.Compile(matcher, field), ExactOf(matcher), null);

    public bool Matches(SubjectAltName name)
    {
        bool looksAt = Kind == SubjectAltNameKind.Any ? name.Kind != SubjectAltNameKind.OtherName : Kind == name.Kind && Oid == name.Oid;
        return looksAt && (Exact is not null && name.Kind == SubjectAltNameKind.Dns
            ? SubjectAltNames.DnsMatches(Exact, name.Name)
            : Match.Matches(Encoding.UTF8.GetBytes(name.Name)));
    }

    private static string? ExactOf(StringMatcher matcher) =>
        matcher.MatchPatternCase == StringMatcher.MatchPatternOneofCase.Exact ? matcher.Exact : null;

    private static bool IsOid(string text)
    {
        try
        {
            new AsnWriter(AsnEncodingRules.DER).WriteObjectIdentifier(text);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static SubjectAltNameKind KindOf(SubjectAltNameMatcher.Types.SanType type, string field) => type switch
    {
        SubjectAltNameMatcher.Types.SanType.Email => SubjectAltNameKind.Email,
        SubjectAltNameMatcher.Types.SanType.Dns => SubjectAltNameKind.Dns,
        SubjectAltNameMatcher.Types.SanType.Uri => SubjectAltNameKind.Uri,
        SubjectAltNameMatcher.Types.SanType.IpAddress => SubjectAltNameKind.IpAddress,
        SubjectAltNameMatcher.Types.SanType.OtherName => SubjectAltNameKind.OtherName,
        _ => throw new ConfigRejectedException(field, $"{(int)type} is no supported kind of subject alternative name"),
    };
}
