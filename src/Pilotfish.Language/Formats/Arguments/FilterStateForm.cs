namespace Pilotfish.Language.Formats.Arguments;

/// <summary>How FILTER_STATE prints an object.</summary>
public enum FilterStateForm : byte
{
    /// <summary>As JSON.</summary>
    Typed,

    /// <summary>As its text.</summary>
    Plain,

    /// <summary>One field of it.</summary>
    Field,
}
