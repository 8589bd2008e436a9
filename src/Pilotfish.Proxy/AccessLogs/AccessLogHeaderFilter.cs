using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Passes streams whose request headers meet a condition.</summary>
internal static class AccessLogHeaderFilter
{
    public static AccessLogFilter Compile(HeaderMatcher? matcher, string field)
    {
        HeaderMatch match = HeaderMatch.Compile(matcher ?? new HeaderMatcher(), field);
        return AccessLogFilter.When((in FormatSource source) =>
            source.Info.RequestHeaders is HeaderMap headers && match.Matches(headers));
    }
}
