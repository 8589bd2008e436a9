using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Sources.Objects;

/// <summary>
/// A text that is the value of a key in a file, as a mesh configuration in a ConfigMap is: turns places in the text into places in the file. Only a
/// block of lines (<c>mesh: |</c>) has such places; in any other style of scalar the place stays one in the text, and the file's name says so.
/// </summary>
/// <param name="lines">The file's.</param>
/// <param name="value">The scalar that holds the text.</param>
/// <param name="text">What it says.</param>
internal sealed class EmbeddedText(IReadOnlyList<string> lines, YamlNode? value, string text)
{
    private readonly string[] _textLines = text.Split('\n');

    /// <summary>The error with its place in the file and the name of what holds the text.</summary>
    public SourceError Place(SourceError error, string name) => value is not null && Find(error.Position) is { } place
        ? new SourceError(place, $"{name}: {error.Message}")
        : error;

    private SourcePosition? Find(SourcePosition inner)
    {
        // The block's first line follows the line of its '|'.
        var line = value!.Position.Line + inner.Line;
        if (inner.Line < 1 || inner.Line > _textLines.Length || line > lines.Count)
        {
            return null;
        }

        var ofFile = lines[line - 1].TrimEnd('\r');
        var ofText = _textLines[inner.Line - 1].TrimEnd('\r');
        var indent = ofFile.Length - ofText.Length;
        return indent >= 0 && ofFile.EndsWith(ofText, StringComparison.Ordinal) && string.IsNullOrWhiteSpace(ofFile[..indent])
            ? new SourcePosition(value.Position.File, line, indent + inner.Column)
            : null;
    }
}
