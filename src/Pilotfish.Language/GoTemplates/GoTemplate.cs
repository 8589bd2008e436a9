using Pilotfish.Language.GoTemplates.Evaluation;
using Pilotfish.Language.GoTemplates.Syntax;

namespace Pilotfish.Language.GoTemplates;

/// <summary>A parsed template of Go's text/template language. Immutable: may be rendered from several threads at once,
/// as long as the functions allow it.</summary>
public sealed class GoTemplate
{
    private readonly Statement.Block _body;
    private readonly GoFunctionSet _functions;
    private readonly Dictionary<string, Statement.Block> _definitions;

    private GoTemplate(
        string name, Statement.Block body, GoFunctionSet functions, Dictionary<string, Statement.Block> definitions)
    {
        Name = name;
        _body = body;
        _functions = functions;
        _definitions = definitions;
    }

    public string Name { get; }

    /// <exception cref="TemplateException">The text is no template, or calls a function that the set lacks.</exception>
    public static GoTemplate Parse(string name, string text, GoFunctionSet functions)
    {
        var definitions = new Dictionary<string, Statement.Block>(StringComparer.Ordinal);
        var body = TemplateParser.Parse(name, text, functions, definitions);
        return new GoTemplate(name, body, functions, definitions);
    }

    /// <exception cref="TemplateException">A function refused its arguments, a field is unknown or a limit is reached.</exception>
    public string Render(GoValue data, TemplateLimits? limits = null) =>
        new TemplateEvaluator(Name, _functions, _definitions, limits ?? TemplateLimits.Default).Run(_body, data);
}
