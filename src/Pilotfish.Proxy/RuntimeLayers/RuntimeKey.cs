namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>
/// The live value of one runtime key, held by whatever was compiled to read it: reading is one load, whatever the number of keys. The main
/// loop writes, any thread reads.
/// </summary>
public sealed class RuntimeKey
{
    private volatile RuntimeEntry? _entry;

    internal RuntimeKey(string name) => Name = name;

    public string Name { get; }

    /// <summary>What the layers say now; null while none has the key.</summary>
    public RuntimeEntry? Entry => _entry;

    internal void Set(RuntimeEntry? entry) => _entry = entry;
}
