namespace Pilotfish.Proxy.Xds;

/// <summary>One name that somebody subscribes to, and who.</summary>
internal sealed class SubscribedName(string name)
{
    public string Name { get; } = name;

    /// <summary>Owners in the order in which they came.</summary>
    public List<IResourceConsumer> Consumers { get; } = [];
}
