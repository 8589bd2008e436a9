using YamlDotNet.Core;

namespace Pilotfish.Api.Yaml.Parts;

/// <summary>Reads the parts of one document; the syntax is in the derived classes.</summary>
internal abstract class PartSource(string listKey)
{
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private Place _place;

    private enum Place
    {
        Start,
        InRoot,
        InList,
        End,
    }

    /// <summary>Up to where the text was understood, where the reader keeps that.</summary>
    public virtual Mark? Understood => null;

    /// <summary>False at the document's end.</summary>
    /// <exception cref="YamlSyntaxException">The text is wrong, or a part is too large.</exception>
    public bool TryRead(out DocumentPart part)
    {
        part = default;
        if (_place == Place.Start)
        {
            _place = TryBeginRoot() ? Place.InRoot : Place.End;
        }

        if (_place == Place.InList)
        {
            if (!TryEndList())
            {
                part = new DocumentPart(listKey, true, ReadItem());
                return true;
            }

            _place = Place.InRoot;
        }

        return _place == Place.InRoot && TryReadEntry(out part);
    }

    /// <summary>False where the text holds nothing.</summary>
    protected abstract bool TryBeginRoot();

    /// <summary>At the root's end: reads it, and makes sure that nothing follows.</summary>
    protected abstract bool TryEndRoot();

    protected abstract string ReadKey(out SourcePosition position);

    /// <summary>Where the value at hand is a list: reads its beginning.</summary>
    protected abstract bool TryBeginList();

    protected abstract bool TryEndList();

    /// <summary>The value of the key that was read last.</summary>
    protected abstract YamlNode? ReadValue();

    protected abstract YamlNode? ReadItem();

    private bool TryReadEntry(out DocumentPart part)
    {
        part = default;
        if (TryEndRoot())
        {
            _place = Place.End;
            return false;
        }

        string key = ReadKey(out SourcePosition position);
        if (!_keys.Add(key))
        {
            throw new YamlSyntaxException(position, $"The key '{key}' is given twice.");
        }

        if (key == listKey && TryBeginList())
        {
            _place = Place.InList;
            return TryRead(out part);
        }

        part = new DocumentPart(key, false, ReadValue());
        return true;
    }
}
