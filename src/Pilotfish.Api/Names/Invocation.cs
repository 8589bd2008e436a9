namespace Pilotfish.Api.Names;

/// <summary>
/// Which role an executable was asked for: by its own name (the sidecar image carries `envoy`, `istio-iptables` and
/// `pilot-agent` as links), else by its first argument.
/// </summary>
public sealed record Invocation(string Role, IReadOnlyList<string> Args)
{
    private const string CommandLine = "/proc/self/cmdline";

    /// <summary>Names of tools that are one role each; `pilot-agent` is none, it takes its role as first argument.</summary>
    private static readonly Dictionary<string, string> s_rolesByProgram = new(StringComparer.Ordinal)
    {
        ["istio-iptables"] = "istio-iptables",
        ["envoy"] = "serve",
        ["istio-cni"] = "cni",
        ["install-cni"] = "install-cni",
    };

    public static Invocation Current(string[] args) => Of(ProgramName(), args);

    public static Invocation Of(string program, string[] args)
    {
        if (s_rolesByProgram.TryGetValue(Path.GetFileName(program), out string? role))
        {
            return new Invocation(role, args);
        }

        return args.Length == 0 ? new Invocation(string.Empty, []) : new Invocation(args[0], args[1..]);
    }

    /// <summary>The name used to start us; .NET's own answers name the file behind the link.</summary>
    private static string ProgramName()
    {
        try
        {
            return File.ReadAllText(CommandLine).Split('\0')[0];
        }
        catch (IOException)
        {
            // No /proc (a chroot): links do not select the role there, arguments do.
            return string.Empty;
        }
    }
}
