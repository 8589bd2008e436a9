using Envoy.Extensions.Path.Match.UriTemplate.V3;
using Pilotfish.Language.Re2;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Routing.UriTemplates;

/// <summary>
/// A compiled path template (<c>envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig</c>): literals, <c>*</c> for one segment,
/// <c>**</c> for any number, <c>{name}</c> and <c>{name=pattern}</c>. Matches whole paths without query, in linear time. Immutable, any worker.
/// </summary>
public sealed class UriTemplate
{
    public const string MessageName = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";

    /// <summary>Characters of a template, and of a rewrite (validation rules of both protos).</summary>
    internal const int CharsMax = 256;

    private readonly Re2Regex _regex;
    private readonly string[] _variables;

    private UriTemplate(Re2Regex regex, string[] variables) => (_regex, _variables) = (regex, variables);

    internal static UriTemplate Compile(ExtensionConfig config)
    {
        string field = $"{config.Field}.path_template";
        string template = config.Parse(UriTemplateMatchConfig.Parser).PathTemplate;
        if (template.Length is 0 or > CharsMax)
        {
            throw new ConfigRejectedException(field, $"it has {template.Length} characters, and 1 to {CharsMax} are allowed");
        }

        UriTemplateParser parser = new(template, field);
        return new UriTemplate(Re2Regex.Compile(parser.Parse()), [.. parser.Variables]);
    }

    /// <summary>The place of a variable among the values of <see cref="Capture"/>; negative for a name that the template does not have.</summary>
    internal int VariableAt(string name) => Array.IndexOf(_variables, name);

    public bool Matches(ReadOnlySpan<byte> pathOnly) => _regex.IsFullMatch(pathOnly);

    /// <summary>What the variables stand for in a path, in the template's order; null for a path that does not match.</summary>
    internal string[]? Capture(string pathOnly) => _regex.FullMatchGroups(pathOnly);
}
