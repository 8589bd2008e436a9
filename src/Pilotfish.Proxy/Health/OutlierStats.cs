using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Health;

/// <summary>`cluster.NAME.outlier_detection.*`.</summary>
internal sealed class OutlierStats
{
    private static readonly string[] s_kinds =
    [
        "consecutive_5xx",
        "consecutive_gateway_failure",
        "consecutive_local_origin_failure",
        "success_rate",
        "local_origin_success_rate",
        "failure_percentage",
        "failure_percentage_local_origin",
    ];

    private readonly Counter[] _detected = new Counter[s_kinds.Length];
    private readonly Counter[] _enforced = new Counter[s_kinds.Length];

    public OutlierStats(StatScope scope)
    {
        Active = scope.Gauge("ejections_active");
        EnforcedTotal = scope.Counter("ejections_enforced_total");
        Overflow = scope.Counter("ejections_overflow");
        for (int i = 0; i < s_kinds.Length; i++)
        {
            _detected[i] = scope.Counter("ejections_detected_" + s_kinds[i]);
            _enforced[i] = scope.Counter("ejections_enforced_" + s_kinds[i]);
        }
    }

    public Gauge Active { get; }

    public Counter EnforcedTotal { get; }

    public Counter Overflow { get; }

    public Counter Detected(OutlierKind kind) => _detected[(int)kind];

    public Counter Enforced(OutlierKind kind) => _enforced[(int)kind];
}
