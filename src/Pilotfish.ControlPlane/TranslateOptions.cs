namespace Pilotfish.ControlPlane;

/// <summary>The command line of `translate`.</summary>
internal sealed record TranslateOptions
{
    public const string Usage =
        "Usage: pilotfish translate --proxy NODE.json [--meshConfigFile FILE] --type listeners|routes|clusters|endpoints -f CONFIG...";

    private static readonly string[] s_types = ["listeners", "routes", "clusters", "endpoints"];

    public required string ProxyFile { get; init; }

    public string? MeshConfigFile { get; init; }

    public required string Type { get; init; }

    public required IReadOnlyList<string> ConfigPaths { get; init; }

    /// <summary>Reads the arguments, or returns null with a sentence.</summary>
    public static TranslateOptions? Parse(IReadOnlyList<string> args, out string error)
    {
        string? proxy = null;
        string? mesh = null;
        string? type = null;
        var configs = new List<string>();
        for (var i = 0; i < args.Count; i++)
        {
            var (name, value) = Split(args[i]);
            if (name is not ("--proxy" or "--meshConfigFile" or "--type" or "-f" or "--filename"))
            {
                error = $"The flag '{args[i]}' is not known. {Usage}";
                return null;
            }

            if (value is null && ++i >= args.Count)
            {
                error = $"The flag '{name}' needs a value. {Usage}";
                return null;
            }

            value ??= args[i];
            switch (name)
            {
                case "--proxy": proxy = value; break;
                case "--meshConfigFile": mesh = value; break;
                case "--type": type = value; break;
                default:
                    configs.Add(value);

                    // -f takes several files, as a shell's pattern gives them.
                    while (i + 1 < args.Count && !args[i + 1].StartsWith('-'))
                    {
                        configs.Add(args[++i]);
                    }

                    break;
            }
        }

        if (proxy is null || type is null || Array.IndexOf(s_types, type) < 0)
        {
            error = proxy is null ? $"The flag '--proxy' is missing. {Usage}"
                : $"The flag '--type' is '{type}'; allowed are {string.Join(", ", s_types)}. {Usage}";
            return null;
        }

        if (configs.Count == 0)
        {
            error = $"The flag '-f' is missing: there is nothing to translate. {Usage}";
            return null;
        }

        error = "";
        return new TranslateOptions { ProxyFile = proxy, MeshConfigFile = mesh, Type = type, ConfigPaths = configs };
    }

    private static (string Name, string? Value) Split(string arg)
    {
        var equals = arg.StartsWith("--", StringComparison.Ordinal) ? arg.IndexOf('=', StringComparison.Ordinal) : -1;
        return equals < 0 ? (arg, null) : (arg[..equals], arg[(equals + 1)..]);
    }
}
