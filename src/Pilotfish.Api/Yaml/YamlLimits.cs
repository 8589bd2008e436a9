namespace Pilotfish.Api.Yaml;

/// <summary>What one text may cost. Files come from people and from other programs, so each dimension has a bound.</summary>
public static class YamlLimits
{
    /// <summary>
    /// 32 MiB holds the manifests of a mesh of some 50,000 services. A larger text is refused before it is parsed,
    /// because its nodes would take about ten times its size in memory.
    /// </summary>
    public const int TextBytesMax = 32 * 1024 * 1024;

    /// <summary>
    /// Custom resource definitions, the deepest files that people keep beside a mesh's own, reach about 60 levels.
    /// The readers recurse once per level, so this bound is also the bound of their stack.
    /// </summary>
    public const int DepthMax = 128;

    /// <summary>All nodes of one text, those copied by aliases included.</summary>
    public const int NodesMax = 4_000_000;

    /// <summary>
    /// Nodes that aliases may add. Honest files repeat a few blocks; a "billion laughs" file multiplies
    /// with every line and stops here.
    /// </summary>
    public const int AliasedNodesMax = 100_000;

    /// <summary>A file with more errors than this is of another kind than its reader thinks; the rest adds nothing.</summary>
    public const int ErrorsMax = 100;
}
