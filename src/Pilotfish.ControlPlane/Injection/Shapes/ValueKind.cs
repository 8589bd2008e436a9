namespace Pilotfish.ControlPlane.Injection.Shapes;

/// <summary>What a field holds.</summary>
internal enum ValueKind
{
    String,
    Bool,
    Int,
    Double,
    Quantity,
    IntOrString,
    Time,
    Duration,
    Enum,
    Any,
    Struct,
    List,
    Map,
}
