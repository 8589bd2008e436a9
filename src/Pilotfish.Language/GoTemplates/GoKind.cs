namespace Pilotfish.Language.GoTemplates;

public enum GoKind
{
    Nil,
    Bool,
    Int,
    Float,
    String,
    List,
    Map,
    Object,
}
