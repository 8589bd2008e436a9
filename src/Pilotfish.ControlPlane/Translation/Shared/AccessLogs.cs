using Envoy.Config.Accesslog.V3;
using Envoy.Extensions.AccessLoggers.Filters.Cel.V3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>Access logs as Telemetry objects, default providers or the mesh's settings ask for them; none unless one of them does.</summary>
internal static class AccessLogs
{
    /// <summary>
    /// The logs of requests or connections. What the Telemetry API or the mesh's default providers say of a provider that exists
    /// replaces the mesh's accessLogFile and enableEnvoyAccessLogService, even when it is turned off; where they reach no provider, these
    /// stay in force.
    /// </summary>
    public static IEnumerable<AccessLog> ForTraffic(PushContext push, ProxyView proxy, TrafficClass traffic, bool isHttp) =>
        Logs(push, proxy, traffic, isHttp, ofListener: false);

    /// <summary>The logs of connections that match no filter chain.</summary>
    public static IEnumerable<AccessLog> ForListener(PushContext push, ProxyView proxy, TrafficClass traffic) =>
        push.Mesh.DisableEnvoyListenerLog ? [] : Logs(push, proxy, traffic, isHttp: false, ofListener: true);

    private static List<AccessLog> Logs(PushContext push, ProxyView proxy, TrafficClass traffic, bool isHttp, bool ofListener)
    {
        List<AccessLog> logs = [];
        var decided = false;
        foreach (var (name, expression) in AccessLogSelection.Of(push, proxy, traffic))
        {
            if (AccessLogProviders.Build(push, name) is { } log)
            {
                decided = true;
                if (expression is not null)
                {
                    logs.Add(Filtered(log, ofListener, expression));
                }
            }
        }

        if (decided)
        {
            return logs;
        }

        if (push.Mesh.AccessLogFile.Length > 0)
        {
            logs.Add(Filtered(AccessLogFormats.FromMesh(push.Mesh.AccessLogFile, push.Mesh), ofListener, ""));
        }

        if (push.Mesh.EnableEnvoyAccessLogService)
        {
            logs.Add(Filtered(AccessLogProviders.Service(isHttp, ofListener), ofListener, ""));
        }

        return logs;
    }

    private static AccessLog Filtered(AccessLog log, bool ofListener, string expression)
    {
        var noChain = new AccessLogFilter { ResponseFlagFilter = new ResponseFlagFilter { Flags = { "NR" } } };
        var condition = new AccessLogFilter
        {
            ExtensionFilter = new ExtensionFilter
            {
                Name = ExtensionNames.ExpressionFilter,
                TypedConfig = Messages.Pack(new ExpressionFilter { Expression = expression }),
            },
        };
        log.Filter = (ofListener, expression.Length > 0) switch
        {
            (true, true) => new AccessLogFilter { AndFilter = new AndFilter { Filters = { noChain, condition } } },
            (true, false) => noChain,
            (false, true) => condition,
            _ => null,
        };
        return log;
    }
}
