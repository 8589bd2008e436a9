using Pilotfish.Agent.Bootstrap;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Agent.Commands;

/// <summary>
/// --proxyLogLevel and --proxyComponentLogLevel: one level for everything, then levels for parts, as in
/// "warning,misc:error,upstream:debug".
/// </summary>
internal static class LogLevels
{
    /// <exception cref="AgentConfigException">A level is none of Envoy's.</exception>
    public static void Apply(string levels, string componentLevels)
    {
        string[] entries = $"{levels},{componentLevels}".Split(
            ',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (string entry in entries.Where(e => !e.Contains(':')))
        {
            Log.SetLevel(Parse(entry, entry));
        }

        foreach (string entry in entries.Where(e => e.Contains(':')))
        {
            int colon = entry.IndexOf(':');

            // Parts that Envoy has and we have not are passed over: manifests name them.
            if (LogComponent.Find(entry[..colon]) is { } component)
            {
                component.Level = Parse(entry[(colon + 1)..], entry);
            }
        }
    }

    private static LogLevel Parse(string level, string entry) => Log.TryParseLevel(level, out LogLevel parsed)
        ? parsed
        : throw new AgentConfigException(
            $"The log level '{entry}' is unknown; choose from trace, debug, info, warning, error, critical, off.");
}
