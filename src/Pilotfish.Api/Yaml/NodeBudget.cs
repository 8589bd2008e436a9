namespace Pilotfish.Api.Yaml;

/// <summary>Counts what a text has become so far and stops it at <see cref="YamlLimits"/>.</summary>
internal sealed class NodeBudget
{
    private int _nodes;
    private int _aliasedNodes;
    private int _anchoredNodes;

    public void BeginPart() => _nodes = 0;

    public void AddNode(SourcePosition position)
    {
        if (++_nodes > YamlLimits.NodesMax)
        {
            throw new YamlSyntaxException(position, $"The text has more than {YamlLimits.NodesMax} nodes. Split the file.");
        }
    }

    /// <summary>What has an anchor is kept to the document's end, whatever happens to the rest.</summary>
    public void AddAnchor(int nodes, SourcePosition position)
    {
        _anchoredNodes += nodes;
        if (_anchoredNodes > YamlLimits.NodesMax)
        {
            throw new YamlSyntaxException(position, $"The text has anchors on more than {YamlLimits.NodesMax} nodes.");
        }
    }

    public void AddAlias(int nodes, string anchor, SourcePosition position)
    {
        _aliasedNodes += nodes;
        if (_aliasedNodes > YamlLimits.AliasedNodesMax)
        {
            throw new YamlSyntaxException(
                position,
                $"The alias '*{anchor}' makes the text's aliases stand for more than {YamlLimits.AliasedNodesMax} nodes.");
        }
    }

    public static void CheckDepth(int depth, SourcePosition position)
    {
        if (depth > YamlLimits.DepthMax)
        {
            throw new YamlSyntaxException(position, $"The text nests deeper than {YamlLimits.DepthMax} levels.");
        }
    }
}
