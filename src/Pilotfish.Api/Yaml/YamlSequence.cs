namespace Pilotfish.Api.Yaml;

/// <summary>A list of nodes.</summary>
public sealed class YamlSequence(SourcePosition position = default) : YamlNode(position)
{
    public YamlSequence(IEnumerable<YamlNode> items)
        : this() => Items.AddRange(items);

    public List<YamlNode> Items { get; } = [];

    public override string KindName => "a list";

    public override YamlNode Clone()
    {
        var copy = new YamlSequence(Position);
        foreach (YamlNode item in Items)
        {
            copy.Items.Add(item.Clone());
        }

        return copy;
    }

    public override bool ContentEquals(YamlNode? other)
    {
        if (other is not YamlSequence sequence || sequence.Items.Count != Items.Count)
        {
            return false;
        }

        for (int i = 0; i < Items.Count; i++)
        {
            if (!Items[i].ContentEquals(sequence.Items[i]))
            {
                return false;
            }
        }

        return true;
    }
}
