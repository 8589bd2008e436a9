using System.Text.Json;

namespace Pilotfish.Api.Yaml;

/// <summary>Turns JSON text into nodes with positions. Comments are skipped, as bootstraps in the field contain them.</summary>
internal ref struct JsonComposer
{
    private readonly ReadOnlySpan<byte> _utf8;
    private readonly string _fileName;
    private readonly NodeBudget _budget = new();
    private Utf8JsonReader _reader;

    // Tokens come in order, so the line is counted once from token to token.
    private int _countedBytes;
    private int _line;
    private int _column;

    private JsonComposer(ReadOnlySpan<byte> utf8, SourcePosition start)
    {
        string fileName = start.File;
        _line = start.Line;
        _column = start.Column;
        _utf8 = utf8;
        _fileName = fileName;
        _reader = new Utf8JsonReader(utf8, new JsonReaderOptions
        {
            CommentHandling = JsonCommentHandling.Skip,
            MaxDepth = YamlLimits.DepthMax,
        });
    }

    public static YamlNode Compose(ReadOnlySpan<byte> utf8, string fileName) => Compose(utf8, new SourcePosition(fileName, 1, 1));

    /// <param name="start">Where the text begins in its file.</param>
    /// <exception cref="YamlSyntaxException">The text is no JSON.</exception>
    public static YamlNode Compose(ReadOnlySpan<byte> utf8, SourcePosition start)
    {
        var composer = new JsonComposer(utf8, start);
        try
        {
            composer._reader.Read();
            YamlNode root = composer.ComposeValue();
            composer._reader.Read();
            return root;
        }
        catch (JsonException e)
        {
            throw JsonFaults.Describe(e, start);
        }
        catch (InvalidOperationException)
        {
            // GetString refuses a lone surrogate, "\ud800", which no UTF-8 text can hold.
            throw new YamlSyntaxException(composer.CurrentPosition(), "The JSON string has an escape that is no character.");
        }
    }

    private YamlNode ComposeValue()
    {
        SourcePosition position = CurrentPosition();
        _budget.AddNode(position);
        switch (_reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return ComposeObject(position);
            case JsonTokenType.StartArray:
                var sequence = new YamlSequence(position);
                while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
                {
                    sequence.Items.Add(ComposeValue());
                }

                return sequence;
            case JsonTokenType.String:
                return new YamlScalar(_reader.GetString()!, YamlScalarKind.String, position);
            case JsonTokenType.Number:
                string number = System.Text.Encoding.ASCII.GetString(_reader.ValueSpan);
                bool isInteger = _reader.ValueSpan.IndexOfAny(".eE"u8) < 0 && number.Length < 39;
                return new YamlScalar(number, isInteger ? YamlScalarKind.Integer : YamlScalarKind.Float, position);
            case JsonTokenType.True:
                return new YamlScalar("true", YamlScalarKind.Boolean, position);
            case JsonTokenType.False:
                return new YamlScalar("false", YamlScalarKind.Boolean, position);
            default:
                return new YamlScalar("null", YamlScalarKind.Null, position);
        }
    }

    private YamlMapping ComposeObject(SourcePosition position)
    {
        var mapping = new YamlMapping(position);
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            SourcePosition keyPosition = CurrentPosition();
            string key = _reader.GetString()!;
            _reader.Read();
            if (!mapping.TryAdd(new YamlEntry(key, keyPosition, ComposeValue())))
            {
                SourcePosition first = mapping.FindEntry(key)!.KeyPosition;
                throw new YamlSyntaxException(keyPosition, $"The key '{key}' is given twice; the first is in line {first.Line}.");
            }
        }

        return mapping;
    }

    private SourcePosition CurrentPosition()
    {
        int start = (int)_reader.TokenStartIndex;
        for (; _countedBytes < start; _countedBytes++)
        {
            byte b = _utf8[_countedBytes];
            if (b == '\n')
            {
                _line++;
                _column = 1;
            }
            else if ((b & 0xC0) != 0x80)
            {
                _column++;
            }
        }

        return new SourcePosition(_fileName, _line, _column);
    }
}
