using System.Text;
using Envoy.Extensions.Path.Rewrite.UriTemplate.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Routing.UriTemplates;

/// <summary>
/// A compiled <c>envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig</c>: literals and variables of the template that
/// matched. Immutable, any worker.
/// </summary>
internal sealed class UriTemplateRewrite
{
    public const string MessageName = "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig";

    private readonly UriTemplate _template;
    private readonly (string Literal, int Variable)[] _parts;

    private UriTemplateRewrite(UriTemplate template, (string Literal, int Variable)[] parts) => (_template, _parts) = (template, parts);

    /// <param name="config">The rewriter.</param>
    /// <param name="template">What the route's path is matched by; null where that is no template, which is refused.</param>
    public static UriTemplateRewrite Compile(ExtensionConfig config, UriTemplate? template)
    {
        string field = $"{config.Field}.path_template_rewrite";
        string rewrite = config.Parse(UriTemplateRewriteConfig.Parser).PathTemplateRewrite;
        if (template is null)
        {
            throw new ConfigRejectedException(config.Field, "it rewrites only paths that match.path_match_policy matches by a template");
        }

        if (rewrite.Length is 0 or > UriTemplate.CharsMax || rewrite[0] != '/' || rewrite.Contains("//", StringComparison.Ordinal))
        {
            throw new ConfigRejectedException(
                field, $"'{rewrite}' must begin with '/', have no '//' and at most {UriTemplate.CharsMax} characters");
        }

        List<(string, int)> parts = [];
        for (int at = 0; at < rewrite.Length;)
        {
            int open = rewrite.IndexOf('{', at);
            string literal = open < 0 ? rewrite[at..] : rewrite[at..open];
            CheckLiteral(literal, field);
            int close = open < 0 ? rewrite.Length : rewrite.IndexOf('}', open);
            if (close < 0)
            {
                throw new ConfigRejectedException(field, $"'{rewrite}': a '{{' has no '}}'");
            }

            int variable = open < 0 ? -1 : Variable(rewrite[(open + 1)..close], template, field);
            parts.Add((literal, variable));
            at = close + 1;
        }

        return new UriTemplateRewrite(template, [.. parts]);
    }

    /// <summary>The new path, without query; null for a path that the template does not match.</summary>
    public byte[]? Apply(ReadOnlySpan<byte> pathOnly)
    {
        if (_template.Capture(Encoding.UTF8.GetString(pathOnly)) is not { } values)
        {
            return null;
        }

        var path = new StringBuilder();
        foreach ((string literal, int variable) in _parts)
        {
            path.Append(literal).Append(variable < 0 ? "" : values[variable]);
        }

        return Encoding.UTF8.GetBytes(path.ToString());
    }

    private static void CheckLiteral(string literal, string field)
    {
        foreach (char c in literal)
        {
            if (c != '/' && !UriTemplateParser.IsLiteral(c))
            {
                throw new ConfigRejectedException(field, $"'{c}' is not allowed in a literal");
            }
        }
    }

    private static int Variable(string name, UriTemplate template, string field) => template.VariableAt(name) is >= 0 and int place
        ? place
        : throw new ConfigRejectedException(field, $"the template of match.path_match_policy has no variable '{name}'");
}
