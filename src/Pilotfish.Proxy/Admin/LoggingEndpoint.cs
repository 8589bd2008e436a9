using System.Text;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Admin;

/// <summary>/logging: shows and changes log levels.</summary>
internal static class LoggingEndpoint
{
    public static AdminEndpoint Endpoint { get; } = AdminEndpoint.Post("/logging", "query/change logging levels", Answer);

    private static void Answer(InternalRequest request, InternalResponse response)
    {
        foreach ((string name, string value) in request.QueryPairs())
        {
            if (Change(name, value) is { } problem)
            {
                response.Status = 400;
                response.Write($"error: {problem}\nusage: /logging?<name>=<level> (change single level)\n"
                    + "usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)\n"
                    + "usage: /logging?level=<level> (change all levels)\n"
                    + "levels: trace debug info warning error critical off\n");
                return;
            }
        }

        StringBuilder text = new("active loggers:\n");
        foreach (LogComponent component in LogComponent.All)
        {
            text.Append("  ").Append(component.Name).Append(": ").Append(Log.NameOf(component.Level)).Append('\n');
        }

        response.Write(text.ToString());
    }

    private static string? Change(string name, string value)
    {
        if (name == "paths")
        {
            foreach (string pair in value.Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                int colon = pair.IndexOf(':', StringComparison.Ordinal);
                if (colon < 0)
                {
                    return $"empty logger name or level in '{pair}'";
                }

                if (Change(pair[..colon], pair[(colon + 1)..]) is { } problem)
                {
                    return problem;
                }
            }

            return null;
        }

        if (!Log.TryParseLevel(value, out LogLevel level))
        {
            return $"unknown logger level '{value}'";
        }

        if (name == "level")
        {
            Log.SetLevel(level);
            return null;
        }

        if (LogComponent.Find(name) is not { } component)
        {
            return $"unknown logger name '{name}'";
        }

        component.Level = level;
        return null;
    }
}
