using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>The intervals at which living requests and connections are logged.</summary>
internal static class AccessLogIntervals
{
    private const long NanosecondsMin = 1_000_000;

    /// <summary>
    /// An interval in milliseconds; 0 when it is not set, for "never". Throws <see cref="ConfigRejectedException"/> below 1 ms, the least
    /// that access_log_flush_interval and upstream_log_flush_interval allow.
    /// </summary>
    public static long Milliseconds(Duration? interval, string field)
    {
        if (interval is null)
        {
            return 0;
        }

        if (interval.Seconds < 0 || (interval.Seconds == 0 && interval.Nanos < NanosecondsMin))
        {
            throw new ConfigRejectedException(field, $"'{interval.Seconds + (interval.Nanos / 1e9m)}s' is below the least interval of 1 ms");
        }

        return ProtoValues.Milliseconds(interval, 0);
    }

    /// <summary>Throws when a deprecated field is set beside the message that took its place.</summary>
    public static void RejectBoth(bool options, bool deprecated, string field)
    {
        if (options && deprecated)
        {
            throw new ConfigRejectedException(field, "it is set, and so is access_log_options, which has taken its place: only one of them may be");
        }
    }
}
