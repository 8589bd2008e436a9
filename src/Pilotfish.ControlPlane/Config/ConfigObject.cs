namespace Pilotfish.ControlPlane.Config;

/// <summary>
/// One object as read from a source. <paramref name="Body"/> is the parsed content: a protobuf message for Istio kinds, one of
/// our records for Kubernetes kinds. <paramref name="ContentHash"/> decides whether two reads differ.
/// </summary>
public sealed record ConfigObject(ConfigKey Key, ObjectMeta Meta, object Body, ulong ContentHash, string Origin)
{
    public T As<T>() => (T)Body;
}
