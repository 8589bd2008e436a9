namespace Pilotfish.Api.Yaml.Parts;

/// <summary>How much of a document's parts is made into nodes.</summary>
public enum PartReading
{
    /// <summary>Every value.</summary>
    Whole,

    /// <summary>Keys and scalars beside them; what is in mappings and lists is passed over.</summary>
    Outline,
}
