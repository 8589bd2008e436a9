using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Pilotfish.Api.Yaml;

/// <summary>Turns the parser's events into nodes: anchors, aliases, merge keys, duplicate keys and bounds are dealt with here.</summary>
internal sealed class YamlComposer(IParser parser, string fileName)
{
    private const string MergeKey = "<<";
    private const string CoreTagPrefix = "tag:yaml.org,2002:";

    private readonly NodeBudget _budget = new();
    private readonly Dictionary<string, (YamlNode Node, int Size)> _anchors = new(StringComparer.Ordinal);
    private int _size;

    public void Compose(List<YamlNode> documents)
    {
        parser.Consume<StreamStart>();
        while (!parser.TryConsume<StreamEnd>(out _))
        {
            parser.Consume<DocumentStart>();
            _anchors.Clear();
            YamlNode root = ComposeNode(1);
            parser.Consume<DocumentEnd>();

            // "---" twice in a row, or a file of comments, makes an empty document, which means nothing.
            if (!root.IsNull)
            {
                documents.Add(root);
            }
        }
    }

    /// <summary>Begins a part of a text whose parts are counted each for itself. Anchors stay, and so does the sum of what aliases add.</summary>
    public void BeginPart() => _budget.BeginPart();

    /// <param name="depth">Of the node in its document; the root's is 1.</param>
    public YamlNode ComposeNode(int depth)
    {
        ParsingEvent? current = parser.Current ?? (parser.MoveNext() ? parser.Current : null);
        SourcePosition position = PositionOf(current);
        NodeBudget.CheckDepth(depth, position);
        if (current is AnchorAlias alias)
        {
            parser.MoveNext();
            return Resolve(alias, depth, position);
        }

        _budget.AddNode(position);
        int sizeBefore = _size++;
        AnchorName anchor = (current as NodeEvent)?.Anchor ?? AnchorName.Empty;
        YamlNode node = current switch
        {
            Scalar scalar => ComposeScalar(scalar, position),
            SequenceStart => ComposeSequence(depth, position),
            MappingStart => ComposeMapping(depth, position),
            _ => throw new YamlSyntaxException(position, "A value was expected here."),
        };
        if (!anchor.IsEmpty)
        {
            _budget.AddAnchor(_size - sizeBefore, position);
            _anchors[anchor.Value] = (node, _size - sizeBefore);
        }

        return node;
    }

    private YamlNode Resolve(AnchorAlias alias, int depth, SourcePosition position)
    {
        string name = alias.Value.Value;
        if (!_anchors.TryGetValue(name, out (YamlNode Node, int Size) anchored))
        {
            throw new YamlSyntaxException(
                position, $"The alias '*{name}' names no anchor of this document that is complete before it.");
        }

        _budget.AddAlias(anchored.Size, name, position);
        _size += anchored.Size;
        NodeBudget.CheckDepth(depth + DepthOf(anchored.Node), position);
        return anchored.Node.Clone();
    }

    private YamlScalar ComposeScalar(Scalar scalar, SourcePosition position)
    {
        parser.MoveNext();
        return new YamlScalar(scalar.Value, KindOf(scalar, position), position);
    }

    private static YamlScalarKind KindOf(Scalar scalar, SourcePosition position)
    {
        if (scalar.Tag.IsEmpty)
        {
            return scalar.Style == ScalarStyle.Plain ? ScalarResolver.Resolve(scalar.Value) : YamlScalarKind.String;
        }

        if (scalar.Tag.IsNonSpecific)
        {
            return YamlScalarKind.String;
        }

        string tag = scalar.Tag.Value;
        if (!tag.StartsWith(CoreTagPrefix, StringComparison.Ordinal))
        {
            throw new YamlSyntaxException(position, $"The tag '{tag}' has no meaning here; remove it.");
        }

        return tag[CoreTagPrefix.Length..] switch
        {
            "str" or "binary" or "timestamp" => YamlScalarKind.String,
            _ => ScalarResolver.Resolve(scalar.Value),
        };
    }

    private YamlSequence ComposeSequence(int depth, SourcePosition position)
    {
        parser.Consume<SequenceStart>();
        var sequence = new YamlSequence(position);
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            sequence.Items.Add(ComposeNode(depth + 1));
        }

        return sequence;
    }

    private YamlMapping ComposeMapping(int depth, SourcePosition position)
    {
        parser.Consume<MappingStart>();
        var mapping = new YamlMapping(position);
        List<YamlNode>? merges = null;
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (ComposeNode(depth + 1) is not YamlScalar key)
            {
                throw new YamlSyntaxException(position, "A key of a mapping must be text.");
            }

            YamlNode value = ComposeNode(depth + 1);
            if (key.Text == MergeKey && key.Kind == YamlScalarKind.String)
            {
                (merges ??= []).Add(value);
                continue;
            }

            if (!mapping.TryAdd(new YamlEntry(key.Text, key.Position, value)))
            {
                SourcePosition first = mapping.FindEntry(key.Text)!.KeyPosition;
                throw new YamlSyntaxException(
                    key.Position, $"The key '{key.Text}' is given twice; the first is in line {first.Line}.");
            }
        }

        if (merges is not null)
        {
            Merge(mapping, merges);
        }

        return mapping;
    }

    /// <summary>YAML's merge key: keys that the mapping has itself win, then the first merged mapping that has the key.</summary>
    private static void Merge(YamlMapping target, List<YamlNode> merges)
    {
        foreach (YamlNode merge in merges)
        {
            IEnumerable<YamlNode> sources = merge is YamlSequence list ? list.Items : [merge];
            foreach (YamlNode source in sources)
            {
                if (source is not YamlMapping mapping)
                {
                    throw new YamlSyntaxException(source.Position, $"'{MergeKey}' takes a mapping or a list of mappings.");
                }

                foreach (YamlEntry entry in mapping.Entries)
                {
                    target.TryAdd(entry);
                }
            }
        }
    }

    private static int DepthOf(YamlNode node) => node switch
    {
        YamlSequence { Items.Count: > 0 } sequence => 1 + sequence.Items.Max(DepthOf),
        YamlMapping { Count: > 0 } mapping => 1 + mapping.Entries.Max(e => DepthOf(e.Value)),
        _ => 1,
    };

    private SourcePosition PositionOf(ParsingEvent? current) => current is null
        ? new SourcePosition(fileName, 1, 1)
        : new SourcePosition(fileName, (int)current.Start.Line, (int)current.Start.Column);
}
