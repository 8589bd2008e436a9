using System.Text.Json;

namespace Pilotfish.Api.Yaml.Parts;

/// <summary>Reads parts from JSON: one value at a time is held as bytes, then made into nodes.</summary>
internal sealed class JsonPartSource(Stream utf8, string fileName, string listKey, PartReading reading) : IPartSource
{
    private readonly JsonWindow _window = new(utf8, fileName);
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private Place _place;

    private enum Place
    {
        Start,
        InRoot,
        InList,
        End,
    }

    public bool TryRead(out DocumentPart part)
    {
        part = default;
        if (_place == Place.Start)
        {
            _window.ReadToken();
            _place = Place.InRoot;
        }

        if (_place == Place.InList)
        {
            if (_window.ReadToken() != JsonTokenType.EndArray)
            {
                part = new DocumentPart(listKey, true, ReadValue());
                return true;
            }

            _place = Place.InRoot;
        }

        return _place == Place.InRoot && TryReadEntry(out part);
    }

    private bool TryReadEntry(out DocumentPart part)
    {
        part = default;
        if (_window.ReadToken() == JsonTokenType.EndObject)
        {
            _place = Place.End;
            _window.ReadEnd();
            return false;
        }

        SourcePosition position = _window.TokenPosition;
        string key = _window.TokenText;
        if (!_keys.Add(key))
        {
            throw new YamlSyntaxException(position, $"The key '{key}' is given twice.");
        }

        JsonTokenType first = _window.ReadToken();
        if (key == listKey && first == JsonTokenType.StartArray)
        {
            _place = Place.InList;
            return TryRead(out part);
        }

        part = new DocumentPart(key, false, ReadValue());
        return true;
    }

    /// <summary>The value whose first token was read last.</summary>
    private YamlNode? ReadValue()
    {
        bool isScalar = _window.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray);
        ReadOnlySpan<byte> value = _window.ReadRestOfValue();
        return reading == PartReading.Whole || isScalar ? JsonComposer.Compose(value, _window.TokenPosition) : null;
    }
}
