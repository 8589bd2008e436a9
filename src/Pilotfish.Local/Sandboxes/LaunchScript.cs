using System.Globalization;
using System.Text;
using Pilotfish.Local.Pods;

namespace Pilotfish.Local.Sandboxes;

/// <summary>
/// Writes the script that turns a fresh mount namespace into a container's and becomes its program: an overlay of the
/// machine's root (so the machine's programs are there, and no write reaches the machine), volumes, then identity.
/// </summary>
internal static class LaunchScript
{
    /// <summary>What container runtimes grant root; the rest would reach the machine.</summary>
    private static readonly string[] s_defaultCapabilities =
    [
        "chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "net_bind_service", "net_raw",
        "sys_chroot", "mknod", "audit_write", "setfcap",
    ];

    /// <summary>A file that only a container's root has: whoever sees it through a process's root knows it has moved in.</summary>
    public const string RootMark = "/run/.pilotfish-container";

    private const string Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    public static string Write(ContainerLaunch launch)
    {
        var script = new StringBuilder();
        script.Append("set -e\nPATH=").Append(Path).Append('\n');
        script.Append("exec </dev/null >>").Append(Shell.Quote(launch.LogFile)).Append(" 2>&1\n");
        WriteRoot(launch, script);
        foreach ((string target, string source) in launch.Files)
        {
            // The machine's own may be a link into a place that is empty here.
            string path = Shell.Quote(target);
            script.Append(CultureInfo.InvariantCulture, $"rm -f \"$R\"{path}; cat {Shell.Quote(source)} >\"$R\"{path}\n");
        }

        foreach ((string link, string target) in launch.Links)
        {
            string parent = RootPaths.Resolve(link[..link.LastIndexOf('/')]);
            string place = Shell.Quote(parent + link[link.LastIndexOf('/')..]);
            script.Append(CultureInfo.InvariantCulture, $"mkdir -p \"$R\"{Shell.Quote(parent)}; ln -sfn {Shell.Quote(target)} \"$R\"{place}\n");
        }

        // Parents first, so that a mount below another one is not hidden by it.
        IEnumerable<BindMount> mounts = launch.Mounts.Select(m => m with { Target = RootPaths.Resolve(m.Target) });
        BindMount[] ordered = [.. mounts.OrderBy(m => m.Target.Count(c => c == '/'))];
        foreach (BindMount mount in ordered)
        {
            WriteMount(mount, script);
        }

        // Only now: the place of a nested mount is made inside the outer one.
        foreach (BindMount mount in ordered.Where(m => m.IsReadOnly))
        {
            script.Append(CultureInfo.InvariantCulture, $"mount -o remount,bind,ro \"$R\"{Shell.Quote(mount.Target)}\n");
        }

        if (launch.Security.IsRootReadOnly)
        {
            script.Append("mount -o remount,bind,ro \"$R\"\n");
        }

        WriteStart(launch, script);
        return script.ToString();
    }

    /// <summary>The words that give a program the container's identity and environment, inside its root.</summary>
    public static IReadOnlyList<string> Identity(ContainerSecurity security, IReadOnlyDictionary<string, string> environment)
    {
        var words = new List<string>();
        if (!security.IsPrivileged)
        {
            // Its own call: changing the user first would take away the right to change the bounding set.
            words.AddRange(["setpriv", "--bounding-set", Capabilities(security), "--"]);
        }

        words.AddRange(
        [
            "setpriv", "--reuid", Number(security.Uid), "--regid", Number(security.Gid),
            .. security.ExtraGroups.Count > 0
                ? new[] { "--groups", string.Join(',', security.ExtraGroups.Select(Number)) }
                : ["--clear-groups"],
        ]);
        if (!security.MayGainPrivileges)
        {
            words.Add("--no-new-privs");
        }

        words.AddRange(["--", "env", "-i"]);
        words.AddRange(environment.Select(e => e.Key + "=" + e.Value));
        return words;
    }

    private static void WriteRoot(ContainerLaunch launch, StringBuilder script)
    {
        string folder = Shell.Quote(launch.RootFolder);
        script.Append(CultureInfo.InvariantCulture, $"F={folder}\nR=$F/root\n");
        script.Append("rm -rf \"$F\"; mkdir -p \"$F/up\" \"$F/work\" \"$R\"\n");
        script.Append("mount -t overlay pilotfish -o lowerdir=/,upperdir=\"$F/up\",workdir=\"$F/work\" \"$R\"\n");
        foreach (string mount in launch.MachineMounts)
        {
            string path = Shell.Quote(mount);
            script.Append(CultureInfo.InvariantCulture, $"mount --bind {path} \"$R\"{path}; mount -o remount,bind,ro \"$R\"{path}\n");
        }

        // The container's own log is its standard output: it is opened already, and /dev/stdout leads to it.
        script.Append("mount --rbind /dev \"$R/dev\"; mount -t proc proc \"$R/proc\"; mount --rbind /sys \"$R/sys\"\n");
        string mode = launch.Security.IsRootReadOnly ? "ro," : string.Empty;
        script.Append("mkdir -p \"$R/run\" \"$R/tmp\"\n");
        script.Append("mount -t tmpfs -o mode=755 tmpfs \"$R/run\"; mkdir -p \"$R/run/lock\"\n");
        script.Append(": >\"$R").Append(RootMark).Append("\"\n");
        script.Append(CultureInfo.InvariantCulture, $"mount -t tmpfs -o {mode}mode=1777 tmpfs \"$R/tmp\"\n");
    }

    private static void WriteMount(BindMount mount, StringBuilder script)
    {
        string source = Shell.Quote(mount.Source);
        string target = "\"$R\"" + Shell.Quote(mount.Target);
        string parent = "\"$R\"" + Shell.Quote(mount.Target[..Math.Max(1, mount.Target.LastIndexOf('/'))]);
        script.Append(CultureInfo.InvariantCulture, $"if [ -d {source} ]; then mkdir -p {target}; else mkdir -p {parent}; [ -e {target} ] || : >{target}; fi\n");
        script.Append(CultureInfo.InvariantCulture, $"mount --rbind {source} {target}\n");
    }

    private static void WriteStart(ContainerLaunch launch, StringBuilder script)
    {
        const string enter = "cd -- \"$1\" || exit 126; shift; exec \"$@\"";
        string[] words =
        [
            "/bin/sh", "-c", enter, "sh", launch.WorkingDirectory,
            .. Identity(launch.Security, launch.Environment), .. launch.Command,
        ];
        script.Append("exec chroot \"$R\" ").Append(Shell.Quote(words)).Append('\n');
    }

    private static string Capabilities(ContainerSecurity security)
    {
        IEnumerable<string> dropped = security.CapabilitiesDropped.Select(Normal);
        IEnumerable<string> kept = dropped.Contains("all") ? [] : s_defaultCapabilities.Except(dropped);
        IEnumerable<string> added = security.CapabilitiesAdded.Select(Normal);
        if (added.Contains("all"))
        {
            return "+all";
        }

        // Changing the user needs these two until it is changed; a user other than root loses them then.
        return string.Join(",", new[] { "-all", "+setuid", "+setgid" }.Concat(kept.Union(added).Select(c => "+" + c)).Distinct());
    }

    private static string Normal(string capability)
    {
        string lower = capability.ToLowerInvariant();
        return lower.StartsWith("cap_", StringComparison.Ordinal) ? lower[4..] : lower;
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
