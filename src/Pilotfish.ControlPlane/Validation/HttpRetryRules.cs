using Pilotfish.Api.Yaml;
using Pilotfish.Language.Numbers;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>What Istio refuses in the retries of a route.</summary>
internal static class HttpRetryRules
{
    private static readonly string[] s_conditions =
    [
        "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream", "retriable-status-codes",
        "retriable-headers", "envoy-ratelimited", "http3-post-connect-failure", "cancelled", "deadline-exceeded", "internal", "resource-exhausted",
        "unavailable",
    ];

    public static void Check(YamlMapping? retries, string path, ConfigProblems problems)
    {
        if (retries is null)
        {
            return;
        }

        problems.CheckRange(retries, path, "attempts", 0, int.MaxValue);
        problems.CheckDuration(retries, path, "perTryTimeout");
        problems.CheckDuration(retries, path, "backoff");
        var isOff = (retries.Text("attempts") ?? "0") == "0";
        foreach (var field in new[] { "perTryTimeout", "retryOn", "retryRemoteLocalities" })
        {
            if (isOff && retries.ContainsKey(field))
            {
                problems.Add($"{path}.{field}", "it means nothing while attempts is 0.");
            }
        }

        foreach (var condition in (retries.Text("retryOn") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var isStatus = DecimalText.TryParse(condition, out int status) && status is >= 100 and <= 599;
            if (!isStatus && !s_conditions.Contains(condition))
            {
                problems.Add($"{path}.retryOn", $"'{condition}' is neither a condition such as 5xx or connect-failure nor a status.");
            }
        }
    }
}
