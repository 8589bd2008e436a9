using System.Buffers;
using System.Globalization;
using System.Text;

namespace Pilotfish.Api.Yaml;

/// <summary>
/// Nodes as block-style YAML, in the layout that kubectl and istioctl print: two spaces, lists not indented under
/// their key. Whatever it writes, <see cref="YamlDocuments"/> reads back as the same content.
/// </summary>
public static class YamlEmitter
{
    private const int IndentWidth = 2;

    // Fewer than YAML admits: readers disagree about the others, and quotes never hurt.
    private static readonly SearchValues<char> s_plainLetters = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -_./:@+,()=~^$;%");

    public static string Emit(YamlNode node, bool sortKeys = false)
    {
        var text = new StringBuilder();
        WriteBlock(node, 0, sortKeys, text);
        return text.ToString();
    }

    /// <summary>Documents with "---" between them.</summary>
    public static string EmitAll(IEnumerable<YamlNode> documents, bool sortKeys = false) =>
        string.Join("---\n", documents.Select(d => Emit(d, sortKeys)));

    /// <summary>Writes a node that begins at the current column, which is <paramref name="indent"/>.</summary>
    private static void WriteBlock(YamlNode node, int indent, bool sortKeys, StringBuilder text)
    {
        switch (node)
        {
            case YamlMapping { Count: > 0 } mapping:
                WriteMapping(mapping, indent, sortKeys, text);
                break;
            case YamlSequence { Items.Count: > 0 } sequence:
                WriteSequence(sequence, indent, sortKeys, text);
                break;
            default:
                WriteInline(node, indent, text);
                break;
        }
    }

    private static void WriteMapping(YamlMapping mapping, int indent, bool sortKeys, StringBuilder text)
    {
        IEnumerable<YamlEntry> entries = sortKeys
            ? mapping.Entries.OrderBy(e => e.Key, StringComparer.Ordinal)
            : mapping.Entries;
        bool first = true;
        foreach (YamlEntry entry in entries)
        {
            if (!first)
            {
                text.Append(' ', indent);
            }

            first = false;
            text.Append(Quote(entry.Key)).Append(':');
            switch (entry.Value)
            {
                case YamlMapping { Count: > 0 }:
                    text.Append('\n').Append(' ', indent + IndentWidth);
                    WriteBlock(entry.Value, indent + IndentWidth, sortKeys, text);
                    break;
                case YamlSequence { Items.Count: > 0 }:
                    text.Append('\n').Append(' ', indent);
                    WriteBlock(entry.Value, indent, sortKeys, text);
                    break;
                default:
                    text.Append(' ');
                    WriteInline(entry.Value, indent + IndentWidth, text);
                    break;
            }
        }
    }

    private static void WriteSequence(YamlSequence sequence, int indent, bool sortKeys, StringBuilder text)
    {
        for (int i = 0; i < sequence.Items.Count; i++)
        {
            if (i > 0)
            {
                text.Append(' ', indent);
            }

            text.Append("- ");
            WriteBlock(sequence.Items[i], indent + IndentWidth, sortKeys, text);
        }
    }

    private static void WriteInline(YamlNode node, int indent, StringBuilder text)
    {
        switch (node)
        {
            case YamlMapping:
                text.Append("{}\n");
                break;
            case YamlSequence:
                text.Append("[]\n");
                break;
            case YamlScalar { Kind: YamlScalarKind.String } scalar when CanBeLiteral(scalar.Text):
                WriteLiteral(scalar.Text, Math.Max(indent, IndentWidth), text);
                break;
            case YamlScalar { Kind: YamlScalarKind.String } scalar:
                text.Append(Quote(scalar.Text)).Append('\n');
                break;
            case YamlScalar { Kind: YamlScalarKind.Null }:
                text.Append("null\n");
                break;
            case YamlScalar scalar:
                text.Append(scalar.Text).Append('\n');
                break;
        }
    }

    /// <summary>Block literals hold lines as they are; what they cannot hold goes into double quotes.</summary>
    private static bool CanBeLiteral(string value)
    {
        int lineEnd = value.IndexOf('\n');
        if (lineEnd < 0 || value[0] is ' ' or '\n' || value.Trim('\n').Length == 0)
        {
            return false;
        }

        foreach (char c in value)
        {
            if (c != '\n' && c != '\t' && !IsPrintable(c))
            {
                return false;
            }
        }

        return true;
    }

    private static void WriteLiteral(string value, int indent, StringBuilder text)
    {
        string body = value.TrimEnd('\n');
        int trailing = value.Length - body.Length;
        text.Append(trailing switch
        {
            0 => "|-\n",
            1 => "|\n",
            _ => "|+\n",
        });
        foreach (string line in body.Split('\n'))
        {
            if (line.Length > 0)
            {
                text.Append(' ', indent).Append(line);
            }

            text.Append('\n');
        }

        text.Append('\n', Math.Max(0, trailing - 1));
    }

    private static string Quote(string value)
    {
        if (IsPlainSafe(value))
        {
            return value;
        }

        bool isPrintable = value.All(IsPrintable);
        if (isPrintable && ScalarResolver.Resolve(value) == YamlScalarKind.String && !IsYaml11Boolean(value))
        {
            return $"'{value.Replace("'", "''")}'";
        }

        var quoted = new StringBuilder("\"");
        foreach (char c in value)
        {
            quoted.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ when IsPrintable(c) => c.ToString(),
                _ => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
            });
        }

        return quoted.Append('"').ToString();
    }

    private static bool IsPlainSafe(string value)
    {
        if (value.Length == 0 || ScalarResolver.Resolve(value) != YamlScalarKind.String || IsYaml11Boolean(value)
            || !(char.IsAsciiLetterOrDigit(value[0]) || value[0] is '/' or '_' or '.' or '(' or '$')
            || value[^1] is ' ' or ':'
            || value.AsSpan().ContainsAnyExcept(s_plainLetters))
        {
            return false;
        }

        // What is left to fear is a colon that ends a key, and a marker of the document's end.
        return !value.Contains(": ", StringComparison.Ordinal) && !value.StartsWith("...", StringComparison.Ordinal);
    }

    /// <summary>Readers of YAML 1.1, kubectl's among them, take these words for booleans.</summary>
    private static bool IsYaml11Boolean(string value) => value.Length <= 3 && value.ToLowerInvariant() is "y" or "n" or "yes" or "no" or "on" or "off";

    // Surrogate pairs are printable; a lone surrogate cannot come out of UTF-8 text.
    private static bool IsPrintable(char c) => c is >= ' ' and <= '~' or >= '\u00A0' and not ('\uFEFF' or '\uFFFE' or '\uFFFF' or '\u2028' or '\u2029');
}
