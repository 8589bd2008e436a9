using Envoy.Config.Metrics.V3;
using Envoy.Type.Matcher.V3;
using Pilotfish.Language.Re2;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Stats;

/// <summary>Compiles the bootstrap's stats_config.</summary>
internal static class StatsConfigCompiler
{
    public static StatTagRules Tags(StatsConfig? config)
    {
        List<StatTagRule> rules = [];
        for (int i = 0; i < (config?.StatsTags.Count ?? 0); i++)
        {
            rules.Add(Rule(config!.StatsTags[i], $"stats_config.stats_tags[{i}]"));
        }

        if (config?.UseAllDefaultTags ?? true)
        {
            rules.AddRange(StatTagRules.Default);
        }

        return new StatTagRules(rules);
    }

    public static StatsMatcher Matcher(StatsConfig? config)
    {
        switch (config?.StatsMatcher?.StatsMatcherCase)
        {
            case Envoy.Config.Metrics.V3.StatsMatcher.StatsMatcherOneofCase.RejectAll:
                return config.StatsMatcher.RejectAll ? StatsMatcher.None : StatsMatcher.All;
            case Envoy.Config.Metrics.V3.StatsMatcher.StatsMatcherOneofCase.InclusionList:
                return new StatsMatcher(
                    include: true, Patterns(config.StatsMatcher.InclusionList, "stats_config.stats_matcher.inclusion_list"));
            case Envoy.Config.Metrics.V3.StatsMatcher.StatsMatcherOneofCase.ExclusionList:
                return new StatsMatcher(
                    include: false, Patterns(config.StatsMatcher.ExclusionList, "stats_config.stats_matcher.exclusion_list"));
            default:
                return StatsMatcher.All;
        }
    }

    public static HistogramBucketRules Buckets(StatsConfig? config)
    {
        List<(StatNamePattern Pattern, HistogramBuckets Buckets)> rules = [];
        for (int i = 0; i < (config?.HistogramBucketSettings.Count ?? 0); i++)
        {
            HistogramBucketSettings setting = config!.HistogramBucketSettings[i];
            string field = $"stats_config.histogram_bucket_settings[{i}]";
            double[] bounds = [.. setting.Buckets];
            if (bounds.Length is 0 or > HistogramBuckets.BoundsMax)
            {
                throw new ConfigRejectedException(
                    $"{field}.buckets", $"it has {bounds.Length} bounds; 1 to {HistogramBuckets.BoundsMax} are accepted");
            }

            Array.Sort(bounds);
            rules.Add((Pattern(setting.Match, $"{field}.match"), new HistogramBuckets(bounds)));
        }

        return new HistogramBucketRules(rules);
    }

    private static StatTagRule Rule(TagSpecifier tag, string field)
    {
        switch (tag.TagValueCase)
        {
            case TagSpecifier.TagValueOneofCase.FixedValue:
                return StatTagRule.Fixed(tag.TagName, tag.FixedValue);
            case TagSpecifier.TagValueOneofCase.Regex when tag.Regex.Length > 0:
                try
                {
                    return StatTagRule.Of(tag.TagName, tag.Regex);
                }
                catch (ArgumentException e)
                {
                    throw new ConfigRejectedException($"{field}.regex", e.Message, e);
                }

            default:
                // Without a value the name refers to one of the default rules.
                foreach (StatTagRule rule in StatTagRules.Default)
                {
                    if (rule.Tag == tag.TagName)
                    {
                        return rule;
                    }
                }

                throw new ConfigRejectedException(field, $"tag '{tag.TagName}' has no regex and is not a default tag");
        }
    }

    private static List<StatNamePattern> Patterns(ListStringMatcher list, string field)
    {
        List<StatNamePattern> patterns = [];
        for (int i = 0; i < list.Patterns.Count; i++)
        {
            patterns.Add(Pattern(list.Patterns[i], $"{field}.patterns[{i}]"));
        }

        return patterns;
    }

    private static StatNamePattern Pattern(StringMatcher matcher, string field)
    {
        bool ignoreCase = matcher.IgnoreCase;
        switch (matcher.MatchPatternCase)
        {
            case StringMatcher.MatchPatternOneofCase.Exact:
                return new StatNamePattern(StatNamePattern.PatternKind.Exact, matcher.Exact, ignoreCase);
            case StringMatcher.MatchPatternOneofCase.Prefix:
                return new StatNamePattern(StatNamePattern.PatternKind.Prefix, matcher.Prefix, ignoreCase);
            case StringMatcher.MatchPatternOneofCase.Suffix:
                return new StatNamePattern(StatNamePattern.PatternKind.Suffix, matcher.Suffix, ignoreCase);
            case StringMatcher.MatchPatternOneofCase.Contains:
                return new StatNamePattern(StatNamePattern.PatternKind.Contains, matcher.Contains, ignoreCase);
            case StringMatcher.MatchPatternOneofCase.SafeRegex:
                try
                {
                    return new StatNamePattern(Re2Regex.Compile(matcher.SafeRegex.Regex));
                }
                catch (Re2SyntaxException e)
                {
                    throw new ConfigRejectedException($"{field}.safe_regex.regex", e.Message, e);
                }

            default:
                throw new ConfigRejectedException(field, "the string matcher has no pattern");
        }
    }
}
