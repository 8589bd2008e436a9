using Envoy.Type.Matcher.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;
using ValueInput = Envoy.Extensions.Matching.InputMatchers.Metadata.V3.Metadata;

namespace Pilotfish.Proxy.Routing;

/// <summary>A condition on a stream's dynamic metadata, of routes and access logs: a value below a filter's name. Any thread.</summary>
internal sealed class MetadataMatch
{
    // Matchers nest; a pushed one must not recurse without end.
    private const int DepthMax = 16;

    private readonly string _filter;
    private readonly string[] _path;
    private readonly ValueTest _test;
    private readonly bool _invert;

    private MetadataMatch(string filter, string[] path, ValueTest test, bool invert)
    {
        _filter = filter;
        _path = path;
        _test = test;
        _invert = invert;
    }

    private delegate bool ValueTest(MetadataValue? value);

    public static MetadataMatch Compile(MetadataMatcher matcher, string field)
    {
        if (matcher.Filter.Length == 0 || matcher.Path.Count == 0 || matcher.Value is null)
        {
            throw new ConfigRejectedException(field, "it needs a filter, a path and a value");
        }

        string[] path = new string[matcher.Path.Count];
        for (int i = 0; i < path.Length; i++)
        {
            path[i] = matcher.Path[i].Key;
        }

        return new MetadataMatch(matcher.Filter, path, Compile(matcher.Value, $"{field}.value", 0), matcher.Invert);
    }

    /// <summary><c>envoy.extensions.matching.input_matchers.metadata.v3.Metadata</c>: others find the value.</summary>
    public static MetadataMatch CompileValue(ExtensionConfig config)
    {
        ValueInput matcher = config.Parse(ValueInput.Parser);
        return matcher.Value is not null
            ? new MetadataMatch("", [], Compile(matcher.Value, $"{config.Field}.value", 0), matcher.Invert)
            : throw new ConfigRejectedException($"{config.Field}.value", "it is not set");
    }

    public static MetadataMatch[] CompileAll(IList<MetadataMatcher> matchers, string field)
    {
        var compiled = new MetadataMatch[matchers.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            compiled[i] = Compile(matchers[i], $"{field}[{i}]");
        }

        return compiled;
    }

    /// <summary>The value that is looked at; null where there is none.</summary>
    public MetadataValue? Find(StreamInfo info) => info.Metadata?.Get(_filter, _path);

    /// <summary>Whether a value satisfies the condition. A missing one satisfies only what is inverted, or asks for absence.</summary>
    public bool Holds(MetadataValue? value) => _test(value) != _invert;

    private static ValueTest Compile(ValueMatcher matcher, string field, int depth)
    {
        if (depth > DepthMax)
        {
            throw new ConfigRejectedException(field, $"matchers nest deeper than {DepthMax} levels");
        }

        switch (matcher.MatchPatternCase)
        {
            case ValueMatcher.MatchPatternOneofCase.NullMatch:
                return static value => value?.Kind == MetadataKind.Null;
            case ValueMatcher.MatchPatternOneofCase.DoubleMatch:
                return Number(matcher.DoubleMatch);
            case ValueMatcher.MatchPatternOneofCase.StringMatch:
                StringMatch text = StringMatch.Compile(matcher.StringMatch, $"{field}.string_match");
                return value => value?.Kind == MetadataKind.Text && text.Matches(System.Text.Encoding.UTF8.GetBytes(value.Text));
            case ValueMatcher.MatchPatternOneofCase.BoolMatch:
                bool wanted = matcher.BoolMatch;
                return value => value?.Kind == MetadataKind.Boolean && value.Boolean == wanted;
            case ValueMatcher.MatchPatternOneofCase.PresentMatch:
                bool present = matcher.PresentMatch;
                return value => present == (value is not null);
            case ValueMatcher.MatchPatternOneofCase.ListMatch when matcher.ListMatch.OneOf is { } oneOf:
                ValueTest item = Compile(oneOf, $"{field}.list_match.one_of", depth + 1);
                return value => value?.Kind == MetadataKind.List && Any(value.Items, item);
            case ValueMatcher.MatchPatternOneofCase.OrMatch:
                List<ValueTest> tests = [];
                foreach (ValueMatcher alternative in matcher.OrMatch.ValueMatchers)
                {
                    tests.Add(Compile(alternative, $"{field}.or_match", depth + 1));
                }

                return value => tests.Exists(test => test(value));
            default:
                throw new ConfigRejectedException(field, "the matcher is empty");
        }
    }

    private static bool Any(IReadOnlyList<MetadataValue> items, ValueTest test)
    {
        foreach (MetadataValue item in items)
        {
            if (test(item))
            {
                return true;
            }
        }

        return false;
    }

    private static ValueTest Number(DoubleMatcher matcher)
    {
        if (matcher.Range is not { } range)
        {
            double exact = matcher.Exact;
            return value => value?.Kind == MetadataKind.Number && value.Number == exact;
        }

        (double start, double end) = (range.Start, range.End);
        return value => value?.Kind == MetadataKind.Number && value.Number >= start && value.Number < end;
    }
}
