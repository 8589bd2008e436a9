using System.Text.Json;

namespace Pilotfish.Api.Yaml.Parts;

/// <summary>Reads parts from JSON: one value at a time is held as bytes, then made into nodes.</summary>
internal sealed class JsonPartSource(Stream utf8, string fileName, string listKey, PartReading reading) : PartSource(listKey)
{
    private readonly JsonWindow _window = new(utf8, fileName);

    // The first token of the value at hand is read already: to see whether it is a list takes that.
    private bool _isAtValue;

    protected override bool TryBeginRoot()
    {
        _window.ReadToken();
        return true;
    }

    protected override bool TryEndRoot()
    {
        if (_window.ReadToken() != JsonTokenType.EndObject)
        {
            return false;
        }

        _window.ReadEnd();
        return true;
    }

    protected override string ReadKey(out SourcePosition position)
    {
        position = _window.TokenPosition;
        _isAtValue = false;
        return _window.TokenText;
    }

    protected override bool TryBeginList()
    {
        _isAtValue = true;
        return _window.ReadToken() == JsonTokenType.StartArray;
    }

    protected override bool TryEndList() => _window.ReadToken() == JsonTokenType.EndArray;

    protected override YamlNode? ReadValue()
    {
        if (!_isAtValue)
        {
            _window.ReadToken();
        }

        return ReadItem();
    }

    /// <summary>The value whose first token was read last.</summary>
    protected override YamlNode? ReadItem()
    {
        bool isScalar = _window.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray);
        ReadOnlySpan<byte> value = _window.ReadRestOfValue();
        return reading == PartReading.Whole || isScalar ? JsonComposer.Compose(value, _window.TokenPosition) : null;
    }
}
