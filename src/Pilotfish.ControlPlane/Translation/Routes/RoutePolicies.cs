using System.Globalization;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Common.Fault.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Type.V3;
using Istio.Networking.V1Alpha3;
using CorsPolicy = Istio.Networking.V1Alpha3.CorsPolicy;
using EnvoyCorsPolicy = Envoy.Extensions.Filters.Http.Cors.V3.CorsPolicy;
using Percent = Istio.Networking.V1Alpha3.Percent;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>Per-route filter configuration: faults and CORS.</summary>
internal static class RoutePolicies
{
    private const double MillionthsPerPercent = 10_000;

    private static readonly Dictionary<string, uint> s_grpcStatus = new(StringComparer.Ordinal)
    {
        ["OK"] = 0, ["CANCELLED"] = 1, ["UNKNOWN"] = 2, ["INVALID_ARGUMENT"] = 3, ["DEADLINE_EXCEEDED"] = 4, ["NOT_FOUND"] = 5,
        ["ALREADY_EXISTS"] = 6, ["PERMISSION_DENIED"] = 7, ["RESOURCE_EXHAUSTED"] = 8, ["FAILED_PRECONDITION"] = 9,
        ["ABORTED"] = 10, ["OUT_OF_RANGE"] = 11, ["UNIMPLEMENTED"] = 12, ["INTERNAL"] = 13, ["UNAVAILABLE"] = 14,
        ["DATA_LOSS"] = 15, ["UNAUTHENTICATED"] = 16,
    };

    /// <summary>Null when the fault names nothing that can be injected.</summary>
    public static HTTPFault? Fault(HTTPFaultInjection given)
    {
        var fault = new HTTPFault();
        if (given.Delay is { FixedDelay: not null } delay)
        {
            fault.Delay = new FaultDelay
            {
                FixedDelay = delay.FixedDelay,
                Percentage = delay.Percentage is null ? Whole(delay.Percent) : Fraction(delay.Percentage),
            };
        }

        if (given.Abort is { } abort)
        {
            var made = new FaultAbort();
            if (abort.Percentage is not null)
            {
                made.Percentage = Fraction(abort.Percentage);
            }

            switch (abort.ErrorTypeCase)
            {
                case HTTPFaultInjection.Types.Abort.ErrorTypeOneofCase.HttpStatus:
                    made.HttpStatus = (uint)abort.HttpStatus;
                    fault.Abort = made;
                    break;
                case HTTPFaultInjection.Types.Abort.ErrorTypeOneofCase.GrpcStatus:
                    made.GrpcStatus = s_grpcStatus.GetValueOrDefault(abort.GrpcStatus);
                    fault.Abort = made;
                    break;
            }
        }

        return fault.Delay is null && fault.Abort is null ? null : fault;
    }

    public static EnvoyCorsPolicy Cors(CorsPolicy given)
    {
        var cors = new EnvoyCorsPolicy
        {
            ForwardNotMatchingPreflights = given.UnmatchedPreflights != CorsPolicy.Types.UnmatchedPreflights.Ignore,
            FilterEnabled = new RuntimeFractionalPercent { DefaultValue = Whole(100) },
            AllowCredentials = given.AllowCredentials,
            AllowHeaders = string.Join(',', given.AllowHeaders),
            AllowMethods = string.Join(',', given.AllowMethods),
            ExposeHeaders = string.Join(',', given.ExposeHeaders),
            MaxAge = given.MaxAge?.Seconds.ToString(CultureInfo.InvariantCulture) ?? "",
        };
        foreach (var origin in given.AllowOrigins)
        {
            if (StringMatches.Convert(origin) is { } matcher)
            {
                cors.AllowOriginStringMatch.Add(matcher);
            }
        }

        if (given.AllowOrigins.Count == 0)
        {
            foreach (var origin in given.AllowOrigin)
            {
                cors.AllowOriginStringMatch.Add(new Envoy.Type.Matcher.V3.StringMatcher { Exact = origin });
            }
        }

        return cors;
    }

    /// <summary>The share of requests to mirror; null mirrors none.</summary>
    public static RuntimeFractionalPercent? MirrorShare(Percent? share, uint? legacyPercent)
    {
        if (share is not null)
        {
            return share.Value > 0 ? new RuntimeFractionalPercent { DefaultValue = Fraction(share) } : null;
        }

        var percent = legacyPercent ?? 100;
        return percent > 0 ? new RuntimeFractionalPercent { DefaultValue = Whole((int)percent) } : null;
    }

    private static FractionalPercent Fraction(Percent share) => new()
    {
        Numerator = (uint)(share.Value * MillionthsPerPercent),
        Denominator = FractionalPercent.Types.DenominatorType.Million,
    };

    private static FractionalPercent Whole(int percent) => new()
    {
        Numerator = (uint)percent,
        Denominator = FractionalPercent.Types.DenominatorType.Hundred,
    };
}
