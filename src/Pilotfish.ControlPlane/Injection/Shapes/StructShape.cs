namespace Pilotfish.ControlPlane.Injection.Shapes;

/// <summary>A struct of the Kubernetes API or a message of the mesh configuration.</summary>
internal sealed class StructShape
{
    private readonly Dictionary<string, FieldShape> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FieldShape> _byGoName = new(StringComparer.OrdinalIgnoreCase);

    public StructShape(string name, bool isStrict, IReadOnlyList<FieldShape> fields, ShapeCatalog catalog)
    {
        Name = name;
        IsStrict = isStrict;
        Fields = fields;
        Catalog = catalog;
        foreach (var field in fields)
        {
            _byName.Add(field.Name, field);
            _byGoName.Add(field.Name, field);
        }
    }

    public string Name { get; }

    /// <summary>Fields that the table lacks are errors, and names in snake_case are known too, as in protobuf's JSON form.
    /// Kubernetes' structs are not strict, so that fields of newer clusters survive.</summary>
    public bool IsStrict { get; }

    public IReadOnlyList<FieldShape> Fields { get; }

    public ShapeCatalog Catalog { get; }

    public FieldShape? Find(string jsonName) => _byName.GetValueOrDefault(jsonName);

    /// <summary>A field by its Go name, such as HostIP for hostIP: the two differ in capitals only.</summary>
    public FieldShape? FindByGoName(string goName) => _byGoName.GetValueOrDefault(goName);
}
