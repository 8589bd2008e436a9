using Envoy.Config.Accesslog.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Compiles the access_log lists of connection managers, TCP proxies, routers and listeners. Main loop.</summary>
public sealed class AccessLogCompiler(AccessLogFiles files, ExtensionRegistry extensions)
{
    public AccessLogFiles Files { get; } = files;

    /// <summary>Throws <see cref="ConfigRejectedException"/> with a path below <paramref name="field"/>.</summary>
    public AccessLogSet Compile(IReadOnlyList<AccessLog> logs, string field, CompileContext context)
    {
        List<(AccessLogger Logger, AccessLogFilter? Filter)> loggers = [];
        for (int i = 0; i < logs.Count; i++)
        {
            AccessLog log = logs[i];
            string at = $"{field}[{i}]";
            AccessLogFilter? filter = log.Filter is null
                ? null
                : AccessLogFilterCompiler.Compile(log.Filter, $"{at}.filter", context.Runtime);
            IAccessLoggerFactory factory = extensions.Find<IAccessLoggerFactory>(
                log.TypedConfig ?? new Google.Protobuf.WellKnownTypes.Any(), log.Name, $"{at}.typed_config", out ExtensionConfig config);
            loggers.Add((factory.Create(in config, context), filter));
        }

        return AccessLogSet.Of(loggers);
    }
}
