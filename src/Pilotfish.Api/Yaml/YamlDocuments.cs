using System.Text;
using YamlDotNet.Core;

namespace Pilotfish.Api.Yaml;

/// <summary>
/// The entry to every YAML and JSON text that Pilotfish reads: a stream of documents becomes nodes with positions,
/// or errors as <c>file:line:col: message</c>. No text makes it throw.
/// </summary>
public static class YamlDocuments
{
    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Reads bytes as a file has them: UTF-8, or UTF-16 with a byte order mark.</summary>
    public static YamlParseResult Parse(ReadOnlySpan<byte> bytes, string fileName)
    {
        if (bytes.Length > YamlLimits.TextBytesMax)
        {
            return TooLarge(bytes.Length, fileName);
        }

        try
        {
            return Parse(Decode(bytes), fileName);
        }
        catch (DecoderFallbackException e)
        {
            int at = Math.Clamp(e.Index, 0, bytes.Length);
            int line = bytes[..at].Count((byte)'\n') + 1;
            int column = at - bytes[..at].LastIndexOf((byte)'\n');
            return Failed(new SourcePosition(fileName, line, column), "The text is not valid UTF-8.");
        }
    }

    public static YamlParseResult Parse(string text, string fileName)
    {
        if (text.Length > YamlLimits.TextBytesMax)
        {
            return TooLarge(text.Length, fileName);
        }

        if (text.StartsWith('\uFEFF'))
        {
            text = text[1..];
        }

        // JSON is tried first where the text looks like it: its reader names errors in JSON's terms and admits the tabs
        // and comments that bootstraps contain. Flow mappings of YAML look the same, so YAML has the second word.
        ReadOnlySpan<char> head = text.AsSpan().TrimStart();
        if (head.StartsWith("{") || head.StartsWith("["))
        {
            YamlParseResult json = ParseJson(text, fileName);
            if (json.IsOk)
            {
                return json;
            }

            YamlParseResult yaml = ParseYaml(text, fileName);
            bool meantAsJson = head[1..].TrimStart().StartsWith("\"");
            return yaml.IsOk || !meantAsJson ? yaml : json;
        }

        return ParseYaml(text, fileName);
    }

    private static YamlParseResult ParseJson(string text, string fileName)
    {
        try
        {
            YamlNode root = JsonComposer.Compose(Encoding.UTF8.GetBytes(text), fileName);
            return new YamlParseResult(root.IsNull ? [] : [root], []);
        }
        catch (YamlSyntaxException e)
        {
            return new YamlParseResult([], [e.Error]);
        }
    }

    private static YamlParseResult ParseYaml(string text, string fileName)
    {
        var documents = new List<YamlNode>();
        using var reader = new StringReader(text);
        var parser = new Parser(reader);
        try
        {
            new YamlComposer(parser, fileName).Compose(documents);
            return new YamlParseResult(documents, []);
        }
        catch (Exception e) when (YamlFaults.TryDescribe(e, fileName, parser.Current?.End, out SourceError? error))
        {
            return new YamlParseResult(documents, [error]);
        }
    }

    private static string Decode(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0xEF, 0xBB, 0xBF, .. var rest] => s_strictUtf8.GetString(rest),
        [0xFF, 0xFE, .. var rest] => Encoding.Unicode.GetString(rest),
        [0xFE, 0xFF, .. var rest] => Encoding.BigEndianUnicode.GetString(rest),
        _ => s_strictUtf8.GetString(bytes),
    };

    private static YamlParseResult TooLarge(int size, string fileName) => Failed(
        new SourcePosition(fileName, 1, 1),
        $"The text has {size} bytes; at most {YamlLimits.TextBytesMax} are read. Split the file.");

    private static YamlParseResult Failed(SourcePosition position, string message) =>
        new([], [new SourceError(position, message)]);
}
