using System.Collections.Immutable;

namespace Pilotfish.Capture.Rules;

/// <summary>A list of ports, or `*`.</summary>
internal sealed record PortSelection(bool IsWildcard, ImmutableArray<ushort> Ports)
{
    public static readonly PortSelection None = new(false, []);
    public static readonly PortSelection All = new(true, []);

    public bool IsEmpty => !IsWildcard && Ports.IsEmpty;
}
