using Envoy.Config.Cluster.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Health;

/// <summary>Reads outlier_detection.</summary>
internal static class OutlierPolicyCompiler
{
    private static readonly OutlierPolicy s_defaults = new();

    public static OutlierPolicy? Compile(OutlierDetection? config)
    {
        if (config is null)
        {
            return null;
        }

        OutlierPolicy d = s_defaults;
        long baseTime = ProtoValues.Milliseconds(config.BaseEjectionTime, d.BaseEjectionMilliseconds);
        long longest = ProtoValues.Milliseconds(config.MaxEjectionTime, Math.Max(baseTime, d.EjectionMaxMilliseconds));
        if (longest < baseTime)
        {
            throw new ConfigRejectedException("outlier_detection.max_ejection_time", $"{longest} ms is less than base_ejection_time, {baseTime} ms");
        }

        return new OutlierPolicy
        {
            IntervalMilliseconds = Math.Max(1, ProtoValues.Milliseconds(config.Interval, d.IntervalMilliseconds)),
            BaseEjectionMilliseconds = baseTime,
            EjectionMaxMilliseconds = longest,
            EjectionJitterMilliseconds = ProtoValues.Milliseconds(config.MaxEjectionTimeJitter, 0),
            EjectionPercentMax = config.MaxEjectionPercent ?? d.EjectionPercentMax,
            AlwaysEjectOneHost = config.AlwaysEjectOneHost ?? false,
            Consecutive5xx = config.Consecutive5Xx ?? d.Consecutive5xx,
            Enforcing5xx = config.EnforcingConsecutive5Xx ?? d.Enforcing5xx,
            ConsecutiveGatewayFailure = config.ConsecutiveGatewayFailure ?? d.ConsecutiveGatewayFailure,
            EnforcingGatewayFailure = config.EnforcingConsecutiveGatewayFailure ?? d.EnforcingGatewayFailure,
            SplitsLocalOrigin = config.SplitExternalLocalOriginErrors,
            ConsecutiveLocalOriginFailure = config.ConsecutiveLocalOriginFailure ?? d.ConsecutiveLocalOriginFailure,
            EnforcingLocalOriginFailure = config.EnforcingConsecutiveLocalOriginFailure ?? d.EnforcingLocalOriginFailure,
            SuccessRateHostsMin = config.SuccessRateMinimumHosts ?? d.SuccessRateHostsMin,
            SuccessRateVolumeMin = config.SuccessRateRequestVolume ?? d.SuccessRateVolumeMin,
            SuccessRateStdevFactor = config.SuccessRateStdevFactor ?? d.SuccessRateStdevFactor,
            EnforcingSuccessRate = config.EnforcingSuccessRate ?? d.EnforcingSuccessRate,
            EnforcingLocalOriginSuccessRate = config.EnforcingLocalOriginSuccessRate ?? d.EnforcingLocalOriginSuccessRate,
            FailurePercentageThreshold = config.FailurePercentageThreshold ?? d.FailurePercentageThreshold,
            FailurePercentageHostsMin = config.FailurePercentageMinimumHosts ?? d.FailurePercentageHostsMin,
            FailurePercentageVolumeMin = config.FailurePercentageRequestVolume ?? d.FailurePercentageVolumeMin,
            ActiveCheckUnejects = config.SuccessfulActiveHealthCheckUnejectHost ?? true,
            EnforcingFailurePercentage = config.EnforcingFailurePercentage ?? d.EnforcingFailurePercentage,
            EnforcingFailurePercentageLocalOrigin =
                config.EnforcingFailurePercentageLocalOrigin ?? d.EnforcingFailurePercentageLocalOrigin,
        };
    }
}
