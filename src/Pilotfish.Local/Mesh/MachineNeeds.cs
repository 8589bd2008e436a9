namespace Pilotfish.Local.Mesh;

/// <summary>Looks for everything `up` needs of the machine before anything is made, and names all that is missing.</summary>
internal static class MachineNeeds
{
    private static readonly (string Program, string Package)[] s_programs =
    [
        ("ip", "iproute2"),
        ("iptables", "iptables"),
        ("iptables-restore", "iptables"),
        ("unshare", "util-linux"),
        ("nsenter", "util-linux"),
        ("setpriv", "util-linux"),
        ("mount", "mount"),
        ("chroot", "coreutils"),
        ("setsid", "util-linux"),
    ];

    /// <summary>Where distributions keep them; `su` and some services leave the half for administrators off PATH.</summary>
    private static readonly string[] s_folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

    /// <summary>What is found is also what is started, by this process and by those that it starts: PATH gets the usual folders.</summary>
    public static void CompletePath()
    {
        string path = Environment.GetEnvironmentVariable("PATH") ?? string.Empty;
        Environment.SetEnvironmentVariable("PATH", Completed(path));
    }

    // Internal for testing.
    internal static string Completed(string path)
    {
        string[] there = path.Split(':', StringSplitOptions.RemoveEmptyEntries);
        return string.Join(':', there.Concat(s_folders.Except(there)));
    }

    public static void Demand()
    {
        CompletePath();
        var missing = new List<string>();
        if (!Environment.IsPrivilegedProcess)
        {
            missing.Add("root: run it with sudo, for it makes network namespaces");
        }

        string[] packages = [.. s_programs.Where(p => !IsOnPath(p.Program)).Select(p => p.Package).Distinct()];
        if (packages.Length > 0)
        {
            string programs = string.Join(", ", s_programs.Where(p => !IsOnPath(p.Program)).Select(p => $"'{p.Program}'"));
            missing.Add($"{programs}: install with 'apt-get install {string.Join(' ', packages)}'");
        }

        if (!File.ReadAllText("/proc/filesystems").Contains("overlay", StringComparison.Ordinal) && !CanLoadOverlay())
        {
            missing.Add("the kernel's overlay file system: load it with 'modprobe overlay'");
        }

        if (missing.Count > 0)
        {
            throw new LocalException("This machine lacks what a mesh needs:" + string.Concat(missing.Select(m => $"\n  {m}")));
        }
    }

    private static bool CanLoadOverlay() =>
        IsOnPath("modprobe") && Sandboxes.HostCommand.TryRunAsync("modprobe", ["overlay"]).GetAwaiter().GetResult().ExitCode == 0;

    private static bool IsOnPath(string program) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
}
