using Envoy.Type.V3;

namespace Pilotfish.Proxy.Routing;

/// <summary>A share of requests; one that the runtime may override is a <see cref="RuntimeLayers.LiveFraction"/>.</summary>
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

    /// <summary>Whether the request with this random number belongs to the share. All and none, which most shares are, need no division.</summary>
    public bool Holds(ulong random) => Numerator != 0 && (Numerator >= Denominator || random % Denominator < Numerator);
}
