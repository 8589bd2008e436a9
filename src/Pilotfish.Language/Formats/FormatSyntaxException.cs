namespace Pilotfish.Language.Formats;

/// <summary>A format string that cannot be used; the message names the operator and where it stands.</summary>
public sealed class FormatSyntaxException(int position, string problem)
    : Exception($"{problem} (at character {position + 1} of the format)")
{
    /// <summary>Zero-based index into the format string.</summary>
    public int Position { get; } = position;
}
