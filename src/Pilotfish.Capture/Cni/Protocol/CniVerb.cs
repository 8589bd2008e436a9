namespace Pilotfish.Capture.Cni.Protocol;

/// <summary>What CNI_COMMAND asks for.</summary>
internal enum CniVerb
{
    Add,
    Del,
    Check,
    Version,
    Status,
    Gc,
}
