using Google.Protobuf.WellKnownTypes;

namespace Pilotfish.Proxy.Routing;

/// <summary>Durations of config in the loop's unit.</summary>
internal static class Durations
{
    /// <summary>Null when absent. A positive duration below a millisecond counts as one, since 0 mostly means "off".</summary>
    public static long? Milliseconds(Duration? duration)
    {
        if (duration is null)
        {
            return null;
        }

        long milliseconds = (duration.Seconds * 1000) + (duration.Nanos / 1_000_000);
        return milliseconds == 0 && duration.Nanos > 0 ? 1 : Math.Max(0, milliseconds);
    }
}
