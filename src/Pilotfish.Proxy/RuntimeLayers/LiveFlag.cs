using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>A switch that the runtime may turn while it is in force (config.core.v3.RuntimeFeatureFlag). Any thread.</summary>
/// <param name="Default">What counts while the runtime has no flag under the key.</param>
/// <param name="Key">Null where the config names none.</param>
public readonly record struct LiveFlag(bool Default, RuntimeKey? Key)
{
    public bool Current => Key?.Entry?.Flag ?? Default;

    /// <param name="value">What the config says; its default_value is required and false when it is missing.</param>
    /// <param name="whenAbsent">What a field that is not set means.</param>
    /// <param name="runtime">Where the key is live.</param>
    public static LiveFlag Of(RuntimeFeatureFlag? value, bool whenAbsent, RuntimeValues runtime) =>
        value is null ? new LiveFlag(whenAbsent, null) : new LiveFlag(value.DefaultValue ?? false, runtime.Key(value.RuntimeKey));
}
