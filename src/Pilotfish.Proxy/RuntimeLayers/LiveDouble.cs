using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>A number that the runtime may override while it is in force (config.core.v3.RuntimeDouble, RuntimePercent). Any thread.</summary>
/// <param name="Default">What counts while the runtime has no number under the key.</param>
/// <param name="Key">Null where the config names none.</param>
public readonly record struct LiveDouble(double Default, RuntimeKey? Key)
{
    public double Current => Key?.Entry?.Number ?? Default;

    /// <summary>A number without a key.</summary>
    public static implicit operator LiveDouble(double value) => FromDouble(value);

    public static LiveDouble FromDouble(double value) => new(value, null);

    /// <param name="value">What the config says.</param>
    /// <param name="whenAbsent">The default of a field that is not set.</param>
    /// <param name="runtime">Where the key is live.</param>
    public static LiveDouble Of(RuntimeDouble? value, double whenAbsent, RuntimeValues runtime) =>
        value is null ? new LiveDouble(whenAbsent, null) : new LiveDouble(value.DefaultValue, runtime.Key(value.RuntimeKey));

    /// <summary>A percentage, 0 to 100.</summary>
    public static LiveDouble Of(RuntimePercent? value, double whenAbsent, RuntimeValues runtime) =>
        value is null ? new LiveDouble(whenAbsent, null) : new LiveDouble(value.DefaultValue?.Value ?? 0, runtime.Key(value.RuntimeKey));
}
