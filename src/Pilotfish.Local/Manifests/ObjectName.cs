namespace Pilotfish.Local.Manifests;

/// <summary>A namespaced name, written "namespace/name".</summary>
internal readonly record struct ObjectName(string Namespace, string Name)
{
    public const string DefaultNamespace = "default";

    public override string ToString() => $"{Namespace}/{Name}";
}
