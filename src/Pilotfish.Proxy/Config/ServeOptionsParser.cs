using System.Diagnostics;
using System.Globalization;
using Pilotfish.Proxy.Drain;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Config;

/// <summary>Reads Envoy's command line. Flags of Envoy that mean nothing here are accepted and named harmless.</summary>
public static class ServeOptionsParser
{
    // Envoy's flags that a start script may carry and that change nothing in this process.
    private static readonly HashSet<string> s_harmlessSwitches =
    [
        "--disable-hot-restart", "--skip-deprecated-logs", "--reject-unknown-dynamic-fields", "--ignore-unknown-dynamic-fields",
        "--enable-mutex-tracing", "--use-dynamic-base-id", "--disable-extensions-check", "--cpuset-threads", "--enable-core-dump",
        "--enable-fine-grain-logging", "--log-format-escaped", "--skip-hot-restart-on-no-parent", "--skip-hot-restart-parent-stats",
        "--allow-unknown-fields",
    ];

    private static readonly HashSet<string> s_values =
    [
        "-c", "--config-path", "--config-yaml", "--service-node", "--service-cluster", "--service-zone", "--admin-address-path",
        "--concurrency", "--drain-time-s", "--file-flush-interval-msec", "--file-flush-min-size-kb", "-l", "--log-level",
        "--component-log-level", "--mode", "--drain-strategy", "--log-path",
    ];

    private static readonly HashSet<string> s_harmlessValues =
    [
        "--base-id", "--base-id-path", "--restart-epoch", "--parent-shutdown-time-s", "--log-format",
        "--local-address-ip-version", "--socket-path", "--socket-mode", "--hot-restart-version", "--disable-extensions",
        "--stats-tag", "--bootstrap-version", "--max-stats", "--max-obj-name-len",
    ];

    /// <summary>Null and one sentence when an argument cannot be used.</summary>
    public static ServeOptions? Parse(IReadOnlyList<string> args, out string problem)
    {
        ServeOptions options = new();
        problem = "";
        for (int i = 0; i < args.Count && problem.Length == 0; i++)
        {
            string name = args[i];
            string? attached = null;
            int equals = name.IndexOf('=', StringComparison.Ordinal);
            if (name.StartsWith("--", StringComparison.Ordinal) && equals > 0)
            {
                attached = name[(equals + 1)..];
                name = name[..equals];
            }

            if (TrySwitch(name, ref options) || s_harmlessSwitches.Contains(name))
            {
                continue;
            }

            if (name.StartsWith('-') && !s_values.Contains(name) && !s_harmlessValues.Contains(name))
            {
                problem = $"Unknown flag '{name}'.";
                break;
            }

            string? value = attached ?? (i + 1 < args.Count ? args[++i] : null);
            if (!name.StartsWith('-'))
            {
                problem = $"Unexpected argument '{name}'.";
            }
            else if (value is null)
            {
                problem = $"Flag '{name}' needs a value.";
            }
            else if (!s_harmlessValues.Contains(name))
            {
                options = WithValue(options, name, value, ref problem);
            }
        }

        return problem.Length == 0 ? options : null;
    }

    private static bool TrySwitch(string name, ref ServeOptions options)
    {
        switch (name)
        {
            case "--allow-unknown-static-fields":
                options = options with { AllowsUnknownStaticFields = true };
                return true;
            case "--version":
                options = options with { ShowsVersion = true };
                return true;
            case "-h" or "--help":
                options = options with { ShowsHelp = true };
                return true;
            default:
                return false;
        }
    }

    private static ServeOptions WithValue(ServeOptions options, string name, string value, ref string problem)
    {
        switch (name)
        {
            case "-c" or "--config-path":
                return options with { ConfigPath = value };
            case "--config-yaml":
                return options with { ConfigYaml = value };
            case "--service-node":
                return options with { ServiceNode = value };
            case "--service-cluster":
                return options with { ServiceCluster = value };
            case "--service-zone":
                return options with { ServiceZone = value };
            case "--admin-address-path":
                return options with { AdminAddressPath = value };
            case "--concurrency":
                return options with { Concurrency = Number(name, value, 0, ref problem) };
            case "--drain-time-s":
                return options with { DrainSeconds = Number(name, value, 0, ref problem) };
            case "--file-flush-interval-msec":
                return options with { FileFlushInterval = TimeSpan.FromMilliseconds(Number(name, value, 1, ref problem)) };
            case "--file-flush-min-size-kb":
                return options with { FileFlushMinKilobytes = Number(name, value, 0, ref problem) };
            case "-l" or "--log-level":
                return options with { LogLevel = Level(name, value, ref problem) };
            case "--component-log-level":
                return options with { ComponentLogLevels = ComponentLevels(value, ref problem) };
            case "--log-path":
                return options with { LogPath = value };
            case "--mode":
                return Mode(options, value, ref problem);
            case "--drain-strategy":
                return Strategy(options, value, ref problem);
            default:
                throw new UnreachableException($"The flag '{name}' takes a value and has no meaning.");
        }
    }

    private static ServeOptions Mode(ServeOptions options, string value, ref string problem)
    {
        if (value is not ("serve" or "validate"))
        {
            problem = $"Flag '--mode' has '{value}'; it must be serve or validate.";
        }

        return options with { ValidateOnly = value == "validate" };
    }

    private static ServeOptions Strategy(ServeOptions options, string value, ref string problem)
    {
        if (value is not ("gradual" or "immediate"))
        {
            problem = $"Flag '--drain-strategy' has '{value}'; it must be gradual or immediate.";
        }

        return options with { DrainStrategy = value == "immediate" ? DrainStrategy.Immediate : DrainStrategy.Gradual };
    }

    private static int Number(string name, string value, int least, ref string problem)
    {
        if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number < least)
        {
            problem = $"Flag '{name}' has '{value}'; it must be a whole number of at least {least}.";
        }

        return number;
    }

    private static LogLevel Level(string name, string value, ref string problem)
    {
        if (!Log.TryParseLevel(value, out LogLevel level))
        {
            problem = $"Flag '{name}' has '{value}'; it must be trace, debug, info, warning, error, critical or off.";
        }

        return level;
    }

    private static List<(string Component, LogLevel Level)> ComponentLevels(string value, ref string problem)
    {
        List<(string Component, LogLevel Level)> levels = [];
        foreach (string pair in value.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = pair.Split(':');
            if (parts.Length != 2)
            {
                problem = $"Flag '--component-log-level' has '{pair}'; write COMPONENT:LEVEL, separated by commas.";
                return levels;
            }

            levels.Add((parts[0], Level("--component-log-level", parts[1], ref problem)));
        }

        return levels;
    }
}
