using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>A whole number that the runtime may override while it is in force (config.core.v3.RuntimeUInt32). Any thread.</summary>
/// <param name="Default">What counts while the runtime has no number under the key.</param>
/// <param name="Key">Null where the config names none.</param>
public readonly record struct LiveNumber(ulong Default, RuntimeKey? Key)
{
    public ulong Current => Key?.Entry?.Integer ?? Default;

    public static LiveNumber Of(RuntimeUInt32 value, RuntimeValues? runtime) => new(value.DefaultValue, runtime?.Key(value.RuntimeKey));
}
