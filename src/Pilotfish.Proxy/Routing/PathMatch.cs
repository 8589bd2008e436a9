using System.Text;
using Envoy.Config.Route.V3;
using Pilotfish.Language.Re2;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing.UriTemplates;
using TypedExtensionConfig = Envoy.Config.Core.V3.TypedExtensionConfig;

namespace Pilotfish.Proxy.Routing;

/// <summary>The path part of a route's match. No kind sees the query.</summary>
public sealed class PathMatch
{
    private readonly byte[] _text;
    private readonly bool _ignoreCase;

    // CONNECT without a path matches nothing but connect_matcher, as in Envoy; every other path has a byte.
    private readonly int _bytesLeast;
    private readonly Re2Regex? _regex;

    private PathMatch(PathKind kind, string text, bool ignoreCase, Re2Regex? regex = null)
    {
        Kind = kind;
        _text = Encoding.UTF8.GetBytes(text);
        _bytesLeast = Math.Max(1, _text.Length);
        _ignoreCase = ignoreCase;
        _regex = regex;
    }

    public PathKind Kind { get; }

    /// <summary>What every path begins with that this matches, for an index; null when nothing is known of it.</summary>
    internal byte[]? RequiredPrefix => Kind switch
    {
        PathKind.Connect or PathKind.Template => null,
        PathKind.Regex => Encoding.UTF8.GetBytes(RegexPrefix.Of(_regex!.Pattern)) is { Length: > 0 } literal ? literal : null,
        _ => _ignoreCase ? null : _text,
    };

    /// <summary>path_match_policy; null for other kinds.</summary>
    public UriTemplate? Template { get; private init; }

    /// <summary>Length of the text that prefix_rewrite replaces: the prefix, or the whole path of other kinds.</summary>
    public int MatchedLength(ReadOnlySpan<byte> path) =>
        Kind is PathKind.Prefix or PathKind.SeparatedPrefix ? _text.Length : QueryString.PathOnly(path).Length;

    public static PathMatch Compile(RouteMatch match, string field)
    {
        bool ignoreCase = match.CaseSensitive == false;
        switch (match.PathSpecifierCase)
        {
            case RouteMatch.PathSpecifierOneofCase.Prefix:
                return new PathMatch(PathKind.Prefix, match.Prefix, ignoreCase);
            case RouteMatch.PathSpecifierOneofCase.Path:
                return new PathMatch(PathKind.Exact, match.Path, ignoreCase);
            case RouteMatch.PathSpecifierOneofCase.PathSeparatedPrefix:
                if (!match.PathSeparatedPrefix.StartsWith('/') || match.PathSeparatedPrefix.EndsWith('/') || match.PathSeparatedPrefix.Contains('?'))
                {
                    throw new ConfigRejectedException($"{field}.path_separated_prefix",
                        $"'{match.PathSeparatedPrefix}' must start with '/', must not end with '/' and has no query");
                }

                return new PathMatch(PathKind.SeparatedPrefix, match.PathSeparatedPrefix, ignoreCase);
            case RouteMatch.PathSpecifierOneofCase.SafeRegex:
                return new PathMatch(PathKind.Regex, "", false, StringMatch.CompileRegex(match.SafeRegex, $"{field}.safe_regex"));
            case RouteMatch.PathSpecifierOneofCase.ConnectMatcher:
                return new PathMatch(PathKind.Connect, "", false);
            case RouteMatch.PathSpecifierOneofCase.PathMatchPolicy:
                return new PathMatch(PathKind.Template, "", false)
                {
                    Template = CompileTemplate(match.PathMatchPolicy, $"{field}.path_match_policy"),
                };
            default:
                throw new ConfigRejectedException(field, "the match has no path specifier");
        }
    }

    /// <param name="headers">The request.</param>
    /// <param name="path">Without query and fragment, and without parameters where they do not count.</param>
    /// <param name="isConnect">Whether the method is CONNECT.</param>
    public bool Matches(HeaderMap headers, ReadOnlySpan<byte> path, bool isConnect) => Kind switch
    {
        PathKind.Connect => isConnect,
        PathKind.Prefix => path.Length >= _bytesLeast && Same(path[.._text.Length]),
        PathKind.Exact => path.Length == _text.Length && Same(path),
        PathKind.SeparatedPrefix => path.Length >= _text.Length && Same(path[.._text.Length])
            && (path.Length == _text.Length || path[_text.Length] == '/'),

        // Parameters after a semicolon may be part of a template, so they count even where other kinds do not see them, as in Envoy.
        PathKind.Template => Template!.Matches(QueryString.PathOnly(headers[WellKnownHeader.Path])),
        _ => path.Length >= _bytesLeast && _regex!.IsFullMatch(path),
    };

    private static UriTemplate CompileTemplate(TypedExtensionConfig policy, string field)
    {
        ExtensionConfig config = ExtensionRegistry.Unwrap(policy.TypedConfig ?? new(), $"{field}.typed_config");
        return config.MessageName == UriTemplate.MessageName
            ? UriTemplate.Compile(config)
            : throw new ConfigRejectedException(config.Field,
                $"the path matcher '{policy.Name}' has type '{config.MessageName}', which Pilotfish does not have");
    }

    private bool Same(ReadOnlySpan<byte> part) => _ignoreCase ? Ascii.EqualsIgnoreCase(part, _text) : part.SequenceEqual(_text);
}
