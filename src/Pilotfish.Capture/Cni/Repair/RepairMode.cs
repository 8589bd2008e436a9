namespace Pilotfish.Capture.Cni.Repair;

/// <summary>What happens to a pod that started before its node could capture it.</summary>
internal enum RepairMode
{
    /// <summary>Nothing; it is not even looked for.</summary>
    None,

    /// <summary>Its rules are set now; the kubelet's next try of the validation passes.</summary>
    Repair,

    /// <summary>It is deleted, and its owner makes another.</summary>
    Delete,

    /// <summary>It gets a label, for somebody else to act on.</summary>
    Label,
}
