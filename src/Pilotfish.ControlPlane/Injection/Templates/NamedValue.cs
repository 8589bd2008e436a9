using Pilotfish.Language.GoTemplates;

namespace Pilotfish.ControlPlane.Injection.Templates;

/// <summary>A value of a named type that prints as a word: an enum or a duration. Templates also call its String method.</summary>
internal sealed class NamedValue(string text) : GoObject
{
    public override string TypeName => "string";

    public override bool IsTrue => text.Length > 0;

    public override bool TryGetField(string name, out GoValue value)
    {
        value = GoValue.From(text);
        return name == "String";
    }

    public override GoValue ToPlain() => GoValue.From(text);

    public override string ToText() => text;
}
