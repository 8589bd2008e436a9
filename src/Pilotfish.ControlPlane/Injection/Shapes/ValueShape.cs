namespace Pilotfish.ControlPlane.Injection.Shapes;

/// <summary>The type of a field: its kind, and the element of a list or map, the struct, or the names of an enum.</summary>
internal sealed record ValueShape(ValueKind Kind)
{
    /// <summary>An absent value differs from a zero one: a pointer in Go, a wrapper in protobuf.</summary>
    public bool IsOptional { get; init; }

    public ValueShape? Element { get; init; }

    public string StructName { get; init; } = "";

    public IReadOnlyList<string> EnumNames { get; init; } = [];
}
