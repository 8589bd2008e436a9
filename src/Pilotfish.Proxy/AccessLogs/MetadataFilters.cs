using Envoy.Config.Accesslog.V3;
using Envoy.Type.Matcher.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Passes streams whose dynamic metadata holds a value.</summary>
internal static class MetadataFilters
{
    public static AccessLogFilter Compile(MetadataFilter filter, string field)
    {
        MetadataMatcher matcher = filter.Matcher ?? new MetadataMatcher();
        MetadataMatch match = MetadataMatch.Compile(matcher, $"{field}.matcher");
        bool passesWithout = filter.MatchIfKeyNotFound ?? true;
        return AccessLogFilter.When((in FormatSource source) =>
        {
            MetadataValue? value = match.Find(source.Info);
            return value is null ? passesWithout : match.Holds(value);
        });
    }
}
