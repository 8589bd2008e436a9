using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Pilotfish.Api.Yaml.Parts;

/// <summary>Reads parts from YAML. Anchors reach from one part into later ones, as in any document.</summary>
internal sealed class YamlPartSource : PartSource
{
    private const string MergeKey = "<<";
    private const int KeyDepth = 2;
    private const int ItemDepth = 3;

    private readonly string _fileName;
    private readonly PartReading _reading;
    private readonly PartText _text;
    private readonly Parser _parser;
    private readonly YamlComposer _composer;

    public YamlPartSource(Stream utf8, string fileName, string listKey, PartReading reading)
        : base(listKey)
    {
        _fileName = fileName;
        _reading = reading;
        _text = new PartText(new StreamReader(utf8, leaveOpen: true), fileName);
        _parser = new Parser(_text);
        _composer = new YamlComposer(_parser, fileName);
    }

    public override Mark? Understood => _parser.Current?.End;

    protected override bool TryBeginRoot()
    {
        _parser.Consume<StreamStart>();
        if (_parser.Accept<StreamEnd>(out _))
        {
            return false;
        }

        _parser.Consume<DocumentStart>();
        return _parser.TryConsume<MappingStart>(out _) ? true : throw new YamlSyntaxException(Position(), "A mapping was expected here.");
    }

    protected override bool TryEndRoot()
    {
        if (!_parser.TryConsume<MappingEnd>(out _))
        {
            return false;
        }

        _parser.Consume<DocumentEnd>();
        return _parser.TryConsume<StreamEnd>(out _)
            ? true
            : throw new YamlSyntaxException(Position(), "A second document begins here without a line '---'.");
    }

    protected override string ReadKey(out SourcePosition position)
    {
        position = Position();
        return _composer.ComposeNode(KeyDepth) switch
        {
            YamlScalar { Text: MergeKey, Kind: YamlScalarKind.String } =>
                throw new YamlSyntaxException(position, $"'{MergeKey}' cannot be used at the root of a document this long."),
            YamlScalar key => key.Text,
            _ => throw new YamlSyntaxException(position, "A key of a mapping must be text."),
        };
    }

    /// <summary>A list with an anchor is read whole: something later wants all of it.</summary>
    protected override bool TryBeginList() =>
        _parser.Accept<SequenceStart>(out var list) && list.Anchor.IsEmpty && _parser.TryConsume<SequenceStart>(out _);

    protected override bool TryEndList() => _parser.TryConsume<SequenceEnd>(out _);

    protected override YamlNode? ReadValue() => Read(KeyDepth);

    protected override YamlNode? ReadItem() => Read(ItemDepth);

    private YamlNode? Read(int depth)
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

    private SourcePosition Position() => _parser.Current is { } current
        ? new SourcePosition(_fileName, (int)current.Start.Line, (int)current.Start.Column)
        : new SourcePosition(_fileName, 1, 1);
}
