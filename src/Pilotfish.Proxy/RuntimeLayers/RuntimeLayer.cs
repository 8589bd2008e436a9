namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>One layer of the runtime. Main loop.</summary>
internal abstract class RuntimeLayer(string name)
{
    public string Name { get; } = name;

    /// <summary>What the layer holds now; null when it cannot be read, which leaves it out.</summary>
    public abstract IReadOnlyDictionary<string, RuntimeEntry>? Read();
}
