using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Pilotfish.Api.Yaml.Parts;

/// <summary>Reads parts from YAML. Anchors reach from one part into later ones, as in any document.</summary>
internal sealed class YamlPartSource : IPartSource
{
    private const string MergeKey = "<<";
    private const int KeyDepth = 2;
    private const int ItemDepth = 3;

    private readonly string _fileName;
    private readonly string _listKey;
    private readonly PartReading _reading;
    private readonly PartText _text;
    private readonly Parser _parser;
    private readonly YamlComposer _composer;
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private Place _place;

    public YamlPartSource(Stream utf8, string fileName, string listKey, PartReading reading)
    {
        _fileName = fileName;
        _listKey = listKey;
        _reading = reading;
        _text = new PartText(new StreamReader(utf8, leaveOpen: true), fileName);
        _parser = new Parser(_text);
        _composer = new YamlComposer(_parser, fileName);
    }

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
            _place = Begin();
        }

        if (_place == Place.InList)
        {
            if (!_parser.TryConsume<SequenceEnd>(out _))
            {
                part = new DocumentPart(_listKey, true, ReadValue(ItemDepth));
                return true;
            }

            _place = Place.InRoot;
        }

        return _place == Place.InRoot && TryReadEntry(out part);
    }

    private Place Begin()
    {
        _parser.Consume<StreamStart>();
        if (_parser.Accept<StreamEnd>(out _))
        {
            return Place.End;
        }

        _parser.Consume<DocumentStart>();
        if (!_parser.TryConsume<MappingStart>(out _))
        {
            throw new YamlSyntaxException(Position(), "A mapping was expected here.");
        }

        return Place.InRoot;
    }

    private bool TryReadEntry(out DocumentPart part)
    {
        part = default;
        if (_parser.TryConsume<MappingEnd>(out _))
        {
            End();
            return false;
        }

        string key = ReadKey();
        if (key == _listKey && _parser.Accept<SequenceStart>(out var list) && list.Anchor.IsEmpty)
        {
            _parser.Consume<SequenceStart>();
            _place = Place.InList;
            return TryRead(out part);
        }

        part = new DocumentPart(key, false, ReadValue(KeyDepth));
        return true;
    }

    private string ReadKey()
    {
        SourcePosition position = Position();
        if (_composer.ComposeNode(KeyDepth) is not YamlScalar key)
        {
            throw new YamlSyntaxException(position, "A key of a mapping must be text.");
        }

        if (key is { Text: MergeKey, Kind: YamlScalarKind.String })
        {
            throw new YamlSyntaxException(position, $"'{MergeKey}' cannot be used at the root of a document this long.");
        }

        if (!_keys.Add(key.Text))
        {
            throw new YamlSyntaxException(position, $"The key '{key.Text}' is given twice.");
        }

        return key.Text;
    }

    private YamlNode? ReadValue(int depth)
    {
        _text.BeginPart();
        _composer.BeginPart();
        if (_reading == PartReading.Whole || _parser.Accept<Scalar>(out _))
        {
            return _composer.ComposeNode(depth);
        }

        _parser.SkipThisAndNestedEvents();
        return null;
    }

    private void End()
    {
        _place = Place.End;
        _parser.Consume<DocumentEnd>();
        if (!_parser.TryConsume<StreamEnd>(out _))
        {
            throw new YamlSyntaxException(Position(), "A second document begins here without a line '---'.");
        }
    }

    private SourcePosition Position() => _parser.Current is { } current
        ? new SourcePosition(_fileName, (int)current.Start.Line, (int)current.Start.Column)
        : new SourcePosition(_fileName, 1, 1);
}
