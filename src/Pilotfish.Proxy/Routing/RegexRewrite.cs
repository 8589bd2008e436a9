using System.Text;
using Envoy.Type.Matcher.V3;
using Pilotfish.Language.Re2;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled RegexMatchAndSubstitute.</summary>
public sealed class RegexRewrite
{
    private readonly Re2Regex _regex;
    private readonly string _substitution;

    private RegexRewrite(Re2Regex regex, string substitution)
    {
        _regex = regex;
        _substitution = substitution;
    }

    public static RegexRewrite? Compile(RegexMatchAndSubstitute? rewrite, string field)
    {
        if (rewrite is null)
        {
            return null;
        }

        Re2Regex regex = StringMatch.CompileRegex(rewrite.Pattern, $"{field}.pattern");
        if (!regex.IsValidSubstitution(rewrite.Substitution))
        {
            throw new ConfigRejectedException($"{field}.substitution",
                $"'{rewrite.Substitution}' refers to a group that '{rewrite.Pattern.Regex}' does not have");
        }

        return new RegexRewrite(regex, rewrite.Substitution);
    }

    /// <summary>Allocates: rewriting by expression is asked for by few routes.</summary>
    public byte[] Apply(ReadOnlySpan<byte> text) =>
        Encoding.UTF8.GetBytes(_regex.ReplaceAll(Encoding.UTF8.GetString(text), _substitution));
}
