using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>What Istio refuses in a fault that a route makes.</summary>
internal static class HttpFaultRules
{
    private static readonly string[] s_grpcStatuses =
    [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ];

    public static void Check(YamlMapping? fault, string path, ConfigProblems problems)
    {
        if (fault is null)
        {
            return;
        }

        if (!fault.ContainsKey("delay") && !fault.ContainsKey("abort"))
        {
            problems.Add(path, "a delay or an abort is needed.");
        }

        foreach (var kind in new[] { "delay", "abort" })
        {
            problems.CheckPercent(fault.Mapping(kind)?.Mapping("percentage"), $"{path}.{kind}.percentage");
        }

        problems.CheckDuration(fault.Mapping("delay"), path + ".delay", "fixedDelay");
        if (fault.Mapping("delay") is { } delay && delay.ContainsKey("exponentialDelay"))
        {
            problems.Add($"{path}.delay.exponentialDelay", "it is not supported; use fixedDelay.");
        }

        if (fault.Mapping("abort") is not { } abort)
        {
            return;
        }

        problems.CheckRange(abort, path + ".abort", "httpStatus", 200, 599);
        if (abort.Text("grpcStatus") is { } status && !s_grpcStatuses.Contains(status))
        {
            problems.Add($"{path}.abort.grpcStatus", $"'{status}' is no gRPC status such as UNAVAILABLE.");
        }

        if (abort.ContainsKey("http2Error"))
        {
            problems.Add($"{path}.abort.http2Error", "it is not supported; use httpStatus or grpcStatus.");
        }
    }
}
