using System.Text;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>What the frames of one stream have said.</summary>
internal sealed class SlowStream
{
    /// <summary>Of the first block; null before it.</summary>
    public List<(string Name, string Value)>? Fields { get; set; }

    public StringBuilder Body { get; } = new();

    public bool IsEnded { get; set; }

    public bool IsReset { get; set; }
}
