namespace Pilotfish.Runtime.Tls;

/// <summary>Curves of EC certificates.</summary>
[Flags]
public enum EcdsaCurves : byte
{
    None = 0,
    P256 = 1,
    P384 = 2,
    P521 = 4,
    All = P256 | P384 | P521,
}
