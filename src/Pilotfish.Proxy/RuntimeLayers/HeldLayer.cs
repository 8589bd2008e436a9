namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>A layer whose values are given to it: by the bootstrap, by an operator or by a control plane. Main loop.</summary>
internal sealed class HeldLayer(string name, Dictionary<string, RuntimeEntry> values) : RuntimeLayer(name)
{
    public Dictionary<string, RuntimeEntry> Values { get; set; } = values;

    public override IReadOnlyDictionary<string, RuntimeEntry> Read() => Values;
}
