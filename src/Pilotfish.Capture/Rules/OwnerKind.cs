namespace Pilotfish.Capture.Rules;

/// <summary>Which identity of the sending process a rule looks at.</summary>
internal enum OwnerKind
{
    Uid,
    Gid,
}
