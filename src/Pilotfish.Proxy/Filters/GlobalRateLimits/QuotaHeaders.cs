using System.Globalization;
using System.Text;
using Envoy.Service.Ratelimit.V3;
using Unit = Envoy.Service.Ratelimit.V3.RateLimitResponse.Types.RateLimit.Types.Unit;

namespace Pilotfish.Proxy.Filters.GlobalRateLimits;

/// <summary>x-ratelimit-* of draft-polli-ratelimit-headers-03: of the limit that is nearest to its end, with all windows as its policy.</summary>
internal static class QuotaHeaders
{
    public static void Add(IReadOnlyList<RateLimitResponse.Types.DescriptorStatus> statuses, List<(byte[] Name, byte[] Value)> headers)
    {
        RateLimitResponse.Types.DescriptorStatus? nearest = null;
        var policy = new StringBuilder();
        foreach (RateLimitResponse.Types.DescriptorStatus status in statuses)
        {
            if (status.CurrentLimit is not { } limit)
            {
                continue;
            }

            if (nearest is null || status.LimitRemaining < nearest.LimitRemaining)
            {
                nearest = status;
            }

            if (SecondsOf(limit.Unit) is > 0 and int seconds)
            {
                policy.Append(CultureInfo.InvariantCulture, $", {limit.RequestsPerUnit};w={seconds}");
                if (limit.Name.Length > 0)
                {
                    policy.Append(CultureInfo.InvariantCulture, $";name=\"{limit.Name}\"");
                }
            }
        }

        if (nearest is null)
        {
            return;
        }

        headers.Add(("x-ratelimit-limit"u8.ToArray(), Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{nearest.CurrentLimit.RequestsPerUnit}{policy}"))));
        headers.Add(("x-ratelimit-remaining"u8.ToArray(), Number(nearest.LimitRemaining)));
        headers.Add(("x-ratelimit-reset"u8.ToArray(), Number(nearest.DurationUntilReset?.Seconds ?? 0)));
    }

    private static byte[] Number(long number) => Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));

    private static int SecondsOf(Unit unit) => unit switch
    {
        Unit.Second => 1,
        Unit.Minute => 60,
        Unit.Hour => 3600,
        Unit.Day => 86400,
        Unit.Week => 7 * 86400,
        Unit.Month => 30 * 86400,
        Unit.Year => 365 * 86400,
        _ => 0,
    };
}
