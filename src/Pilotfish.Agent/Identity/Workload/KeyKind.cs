namespace Pilotfish.Agent.Identity.Workload;

/// <summary>The kinds of keys that a workload can have.</summary>
internal enum KeyKind
{
    Rsa,
    EcdsaP256,
    EcdsaP384,
}
