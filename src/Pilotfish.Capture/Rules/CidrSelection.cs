using System.Collections.Immutable;

namespace Pilotfish.Capture.Rules;

/// <summary>A list of ranges split by family, or `*`.</summary>
internal sealed record CidrSelection(bool IsWildcard, ImmutableArray<IpCidr> V4, ImmutableArray<IpCidr> V6)
{
    public static readonly CidrSelection None = new(false, [], []);
    public static readonly CidrSelection All = new(true, [], []);

    /// <summary>An operator who lists a loopback range wants loopback captured; the shortcut for it is then left out.</summary>
    public bool HasLoopback => V4.Any(c => c.IsLoopback) || V6.Any(c => c.IsLoopback);
}
