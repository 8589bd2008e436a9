using Envoy.Config.Core.V3;
using Envoy.Type.V3;

namespace Pilotfish.Proxy.Routing;

/// <summary>A share of requests. Runtime keys are not read at run time: the default of the config applies.</summary>
public readonly record struct Fraction(uint Numerator, uint Denominator)
{
    public static readonly Fraction All = new(100, 100);
    public static readonly Fraction None = new(0, 100);

    public bool IsNone => Numerator == 0;

    public static Fraction Of(FractionalPercent? percent) => percent is null
        ? None
        : new Fraction(percent.Numerator, percent.Denominator switch
        {
            FractionalPercent.Types.DenominatorType.TenThousand => 10_000,
            FractionalPercent.Types.DenominatorType.Million => 1_000_000,
            _ => 100,
        });

    public static Fraction Of(RuntimeFractionalPercent? percent) => percent is null ? All : Of(percent.DefaultValue);

    /// <summary>Whether the request with this random number belongs to the share.</summary>
    public bool Holds(ulong random) => Numerator != 0 && random % Denominator < Numerator;
}
