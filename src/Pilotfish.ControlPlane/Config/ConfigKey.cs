namespace Pilotfish.ControlPlane.Config;

/// <summary>Identity of an object in the store.</summary>
public readonly record struct ConfigKey(ConfigKind Kind, string Namespace, string Name)
{
    public override string ToString() => Namespace.Length == 0 ? $"{Kind} {Name}" : $"{Kind} {Namespace}/{Name}";
}
