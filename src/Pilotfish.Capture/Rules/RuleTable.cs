namespace Pilotfish.Capture.Rules;

/// <summary>Netfilter's tables, in the order in which they are printed and applied (alphabetical, as Istio does).</summary>
internal enum RuleTable
{
    Filter,
    Mangle,
    Nat,
    Raw,
}
