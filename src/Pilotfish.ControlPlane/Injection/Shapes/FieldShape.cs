namespace Pilotfish.ControlPlane.Injection.Shapes;

/// <summary>A field of a struct and how a strategic merge patch treats it.</summary>
internal sealed record FieldShape(string Name, ValueShape Type)
{
    /// <summary>Written even when it is zero.</summary>
    public bool IsRequired { get; init; }

    /// <summary>A list whose items are merged and not replaced as a whole.</summary>
    public bool MergesItems { get; init; }

    /// <summary>The field that tells items of a merged list apart; empty for lists of plain values.</summary>
    public string MergeKey { get; init; } = "";
}
