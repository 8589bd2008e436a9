using System.Collections.Immutable;

namespace Pilotfish.Capture.Rules;

/// <summary>Whose outbound traffic is captured: every group but some, or some groups alone.</summary>
internal sealed record OwnerGroupFilter(bool IsAllExcept, ImmutableArray<string> Groups)
{
    public static readonly OwnerGroupFilter Everyone = new(true, []);

    /// <summary>Included groups become one rule of that many owner matches; kernels refuse rules of a few hundred.</summary>
    public const int IncludedGroupsMax = 64;
}
