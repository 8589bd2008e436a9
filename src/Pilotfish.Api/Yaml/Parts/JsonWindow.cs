using System.Text;
using System.Text.Json;

namespace Pilotfish.Api.Yaml.Parts;

/// <summary>
/// A window that moves over JSON bytes, token by token or value by value. It is as large as the largest value so far.
/// <code>
///   _buffer:  | token read last ... | next ...        |
///             _token                _next             _filled
/// </code>
/// </summary>
internal sealed class JsonWindow(Stream utf8, string fileName)
{
    private const int FirstBytes = 64 * 1024;

    private byte[] _buffer = new byte[FirstBytes];
    private int _token;
    private int _next;
    private int _filled;
    private bool _isLast;
    private JsonReaderState _state = new(new JsonReaderOptions
    {
        CommentHandling = JsonCommentHandling.Skip,
        MaxDepth = YamlLimits.DepthMax,
    });

    // Where the byte at _counted stands in the file.
    private int _counted;
    private int _line = 1;
    private int _column = 1;

    public JsonTokenType TokenType { get; private set; }

    /// <summary>Where the token that was read last begins.</summary>
    public SourcePosition TokenPosition { get; private set; }

    /// <summary>The text of the property name that was read last.</summary>
    public string TokenText { get; private set; } = "";

    /// <exception cref="YamlSyntaxException">No token follows, or something that is none.</exception>
    public JsonTokenType ReadToken()
    {
        while (true)
        {
            Utf8JsonReader reader = Reader();
            if (TryRead(ref reader))
            {
                TokenType = reader.TokenType;
                TokenText = TokenType == JsonTokenType.PropertyName ? Text(ref reader) : "";
                int start = _next + (int)reader.TokenStartIndex;
                CountTo(start);
                TokenPosition = new SourcePosition(fileName, _line, _column);
                _token = start;
                _next += (int)reader.BytesConsumed;
                _state = reader.CurrentState;
                return TokenType;
            }

            _token = _next;
            Fill();
        }
    }

    /// <summary>The bytes of the whole value that begins with the token read last; valid until the next call.</summary>
    public ReadOnlySpan<byte> ReadRestOfValue()
    {
        if (TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
        {
            // The reader cannot go back, so it tries again from the token's end as bytes come; the window doubles, so
            // what is read twice is less than what there is.
            while (!TrySkipRest())
            {
                Fill();
            }
        }

        return _buffer.AsSpan(_token, _next - _token);
    }

    /// <exception cref="YamlSyntaxException">Something follows the document.</exception>
    public void ReadEnd()
    {
        while (!_isLast)
        {
            _token = _next;
            Fill();
        }

        Utf8JsonReader reader = Reader();
        if (TryRead(ref reader))
        {
            throw new YamlSyntaxException(TokenPosition, "Something follows the JSON document.");
        }
    }

    private bool TrySkipRest()
    {
        Utf8JsonReader reader = Reader();
        int depth = 1;
        while (depth > 0)
        {
            if (!TryRead(ref reader))
            {
                return false;
            }

            depth += reader.TokenType switch
            {
                JsonTokenType.StartObject or JsonTokenType.StartArray => 1,
                JsonTokenType.EndObject or JsonTokenType.EndArray => -1,
                _ => 0,
            };
        }

        _next += (int)reader.BytesConsumed;
        _state = reader.CurrentState;
        return true;
    }

    private Utf8JsonReader Reader() => new(_buffer.AsSpan(_next, _filled - _next), _isLast, _state);

    /// <summary>False where more bytes are needed, and at the document's end; a text that ends before is an error.</summary>
    private bool TryRead(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.Read();
        }
        catch (JsonException e)
        {
            throw JsonFaults.Describe(e, new SourcePosition(fileName, 1, 1));
        }
    }

    private string Text(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new YamlSyntaxException(TokenPosition, "The JSON string has an escape that is no character.");
        }
    }

    /// <summary>Reads more bytes behind those from the last token on, which move to the front.</summary>
    private void Fill()
    {
        CountTo(_token);
        int kept = _filled - _token;
        if (kept > YamlLimits.TextBytesMax)
        {
            throw new YamlSyntaxException(TokenPosition, $"One value has more than {YamlLimits.TextBytesMax} bytes. Split it.");
        }

        byte[] target = kept > _buffer.Length / 2 ? new byte[_buffer.Length * 2] : _buffer;
        _buffer.AsSpan(_token, kept).CopyTo(target);
        _buffer = target;
        _next -= _token;
        _counted -= _token;
        _token = 0;
        int read = utf8.Read(_buffer, kept, _buffer.Length - kept);
        _filled = kept + read;
        _isLast = read == 0;
    }

    private void CountTo(int end)
    {
        foreach (byte b in _buffer.AsSpan(_counted, end - _counted))
        {
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

        _counted = end;
    }
}
