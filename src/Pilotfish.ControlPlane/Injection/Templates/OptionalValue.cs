using Pilotfish.Language.GoTemplates;

namespace Pilotfish.ControlPlane.Injection.Templates;

/// <summary>A wrapper message or a pointer to a scalar: true where it is set, with the getter GetValue and the field Value.</summary>
internal sealed class OptionalValue(GoValue? value, GoValue zero) : GoObject
{
    public override string TypeName => zero.TypeName;

    public override bool IsTrue => value is not null;

    public override bool TryGetField(string name, out GoValue field)
    {
        field = value ?? zero;
        return name is "GetValue" or "Value";
    }

    public override GoValue ToPlain() => value ?? GoValue.Nil;
}
