using Envoy.Config.Core.V3;
using Envoy.Type.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>
/// A share of requests that the runtime may override while it is in force (config.core.v3.RuntimeFractionalPercent). Any thread; without a
/// key it costs what its default costs.
/// </summary>
/// <param name="Default">What counts while the runtime says nothing that is a share.</param>
/// <param name="Key">Null where the config names none.</param>
public readonly record struct LiveFraction(Fraction Default, RuntimeKey? Key)
{
    public static readonly LiveFraction All = new(Fraction.All, null);
    public static readonly LiveFraction None = new(Fraction.None, null);

    public Fraction Current => Key?.Entry?.Share ?? Default;

    /// <summary>A share that config names; absent means every request.</summary>
    public static LiveFraction Of(RuntimeFractionalPercent? percent, RuntimeValues runtime) =>
        percent is null ? All : new LiveFraction(Fraction.Of(percent.DefaultValue), runtime.Key(percent.RuntimeKey));

    /// <summary>A plain share with a key of Envoy's beside it; absent means no request.</summary>
    public static LiveFraction Of(FractionalPercent? percent, string key, RuntimeValues runtime) => new(Fraction.Of(percent), runtime.Key(key));

    /// <summary>Whether the request with this random number belongs to the share.</summary>
    public bool Holds(ulong random) => Key is null ? Default.Holds(random) : Current.Holds(random);
}
