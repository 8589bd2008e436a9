namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>What a workload's port accepts.</summary>
internal enum MtlsMode
{
    Disable,
    Permissive,
    Strict,
}
