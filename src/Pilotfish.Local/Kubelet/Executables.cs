namespace Pilotfish.Local.Kubelet;

/// <summary>
/// This project's executables as pods see them: their folder (and, for a build that is not native, the .NET runtime's)
/// appears at a fixed place, and Istio's names are links into it.
/// </summary>
internal sealed record Executables(string Own, string Sidecar, string? DotnetRoot)
{
    private const string PodFolder = "/opt/pilotfish/bin";
    private const string PodDotnet = "/opt/pilotfish/dotnet";
    private const string LinkFolder = "/usr/local/bin/";

    private static readonly string[] s_names = ["pilot-agent", "envoy", "istio-iptables", "pilotfish-sidecar"];

    public IReadOnlyDictionary<string, string> Links
    {
        get
        {
            string target = $"{PodFolder}/{Path.GetFileName(Sidecar)}";
            return s_names.ToDictionary(name => LinkFolder + name, _ => target);
        }
    }

    public IEnumerable<(string Source, string Target)> Mounts
    {
        get
        {
            yield return (Path.GetDirectoryName(Sidecar)!, PodFolder);
            if (DotnetRoot is not null)
            {
                yield return (DotnetRoot, PodDotnet);
            }
        }
    }

    /// <summary>Only a build that is not native needs to be told where its runtime is.</summary>
    public IEnumerable<KeyValuePair<string, string>> Environment =>
        DotnetRoot is null ? [] : [new("DOTNET_ROOT", PodDotnet)];

    public static Executables Find()
    {
        string own = System.Environment.ProcessPath
            ?? throw new LocalException("This program cannot find its own file, which pods must run.");
        string folder = Path.GetDirectoryName(own)!;

        // Beside it when installed or published; in its own project's folder when built by `dotnet build`.
        string[] candidates =
        [
            Path.Combine(folder, "pilotfish-sidecar"),
            Path.Combine(folder, "..", "..", "Pilotfish.Sidecar", Path.GetFileName(folder), "pilotfish-sidecar"),
        ];
        string sidecar = candidates.FirstOrDefault(File.Exists) ?? own;
        return new Executables(own, Path.GetFullPath(sidecar), FindDotnetRoot(sidecar));
    }

    private static string? FindDotnetRoot(string sidecar)
    {
        if (!File.Exists(sidecar + ".dll"))
        {
            return null;
        }

        // .../shared/Microsoft.NETCore.App/10.0.x/
        string runtime = System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory();
        return Path.GetFullPath(Path.Combine(runtime, "..", "..", ".."));
    }
}
