using System.Globalization;
using Envoy.Config.Common.Matcher.V3;
using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using Envoy.Type.V3;
using ClusterProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;
using EnvoyOutlierDetection = Envoy.Config.Cluster.V3.OutlierDetection;
using IstioOutlierDetection = Istio.Networking.V1Alpha3.OutlierDetection;

namespace Pilotfish.ControlPlane.Translation.Clusters;

/// <summary>Outlier detection of outbound clusters. Only error counts eject; success rates are never enforced.</summary>
internal static class OutlierDetections
{
    private const uint Enforced = 100;

    public static void Apply(ClusterDraft draft, IstioOutlierDetection? given)
    {
        if (given is null)
        {
            return;
        }

        var detection = new EnvoyOutlierDetection
        {
            EnforcingSuccessRate = 0,
            Interval = given.Interval,
            BaseEjectionTime = given.BaseEjectionTime,
        };
        if (given.Consecutive5XxErrors is { } errors)
        {
            detection.Consecutive5Xx = errors;
            detection.EnforcingConsecutive5Xx = errors > 0 ? Enforced : 0;
        }

        if (given.ConsecutiveGatewayErrors is { } gatewayErrors)
        {
            detection.ConsecutiveGatewayFailure = gatewayErrors;
            detection.EnforcingConsecutiveGatewayFailure = gatewayErrors > 0 ? Enforced : 0;
        }

        if (given.MaxEjectionPercent > 0)
        {
            detection.MaxEjectionPercent = (uint)given.MaxEjectionPercent;
        }

        if (given.SplitExternalLocalOriginErrors)
        {
            detection.SplitExternalLocalOriginErrors = true;
            detection.EnforcingLocalOriginSuccessRate = 0;
            if (given.ConsecutiveLocalOriginFailures is { } local and > 0)
            {
                detection.ConsecutiveLocalOriginFailure = local;
                detection.EnforcingConsecutiveLocalOriginFailure = Enforced;
            }
        }

        draft.Cluster.OutlierDetection = detection;

        // Zero, the usual value, switches panic off: ejected hosts stay ejected however few remain.
        if (given.MinHealthPercent >= 0)
        {
            draft.Cluster.CommonLbConfig.HealthyPanicThreshold = new Percent { Value = given.MinHealthPercent };
        }

        ApplyErrorCodes(draft, given);
    }

    private static void ApplyErrorCodes(ClusterDraft draft, IstioOutlierDetection given)
    {
        if (given.OutlierDetectionHttpErrorCodes.Count == 0)
        {
            return;
        }

        var rules = new List<MatchPredicate>();
        foreach (var code in given.OutlierDetectionHttpErrorCodes)
        {
            rules.Add(new MatchPredicate
            {
                HttpResponseHeadersMatch = new HttpHeadersMatch
                {
                    Headers =
                    {
                        new HeaderMatcher
                        {
                            Name = ":status",
                            StringMatch = new StringMatcher { Exact = code.ToString(CultureInfo.InvariantCulture) },
                        },
                    },
                },
            });
        }

        draft.OptionsOrNew().OutlierDetection = new ClusterProtocolOptions.Types.OutlierDetection
        {
            ErrorMatcher = rules.Count == 1
                ? rules[0]
                : new MatchPredicate { OrMatch = new MatchPredicate.Types.MatchSet { Rules = { rules } } },
        };
    }
}
