namespace Pilotfish.Language.GoTemplates;

/// <summary>A value with named fields that the caller's program defines: what a Go struct or a pointer to one is to a
/// template. Methods without arguments are fields too.</summary>
public abstract class GoObject
{
    /// <summary>Shown in "can't evaluate field X in type T".</summary>
    public abstract string TypeName { get; }

    /// <summary>False stands for a nil pointer.</summary>
    public virtual bool IsTrue => true;

    /// <summary>A field or method; false when the type has no such name.</summary>
    public abstract bool TryGetField(string name, out GoValue value);

    /// <summary>The value as maps, lists and scalars, for printing and for JSON and YAML.</summary>
    public abstract GoValue ToPlain();

    /// <summary>What printing the value shows.</summary>
    public virtual string ToText() => GoFormat.Print(ToPlain());
}
