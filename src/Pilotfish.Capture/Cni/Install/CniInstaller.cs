using System.Text.Json.Nodes;

namespace Pilotfish.Capture.Cni.Install;

/// <summary>
/// Brings the node's files to what they should be, and away again. Writes only what differs, so that running it on every
/// change, its own included, comes to rest.
/// </summary>
internal sealed class CniInstaller(InstallOptions options, TextWriter log)
{
    private const string StandaloneName = "YYY-istio-cni.conf";

    private const UnixFileMode ProgramMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Files of others that we put our entry into, to take it out again.</summary>
    private readonly HashSet<string> _chained = new(StringComparer.Ordinal);

    private string _lastProblem = string.Empty;

    /// <summary>False: everything is written but the chain, for there is no other network's configuration yet.</summary>
    /// <exception cref="CaptureException">A file cannot be read or written.</exception>
    public bool Install() => Guarded(() =>
    {
        // The program comes first and the chain last: a chain that names a missing program stops every pod of the node.
        InstallProgram();
        Write(options.KubeconfigPath, KubeconfigText.Make(options), options.KubeconfigMode);
        return options.IsChained ? InstallChain() : InstallStandalone();
    });

    /// <summary>In the opposite order.</summary>
    public void CleanUp() => Guarded(() =>
    {
        log.WriteLine("info: removing istio-cni from this node.");
        foreach (string path in _chained.Where(File.Exists))
        {
            JsonObject? root = NetworkConfigs.TryParse(path, File.ReadAllText(path), out _);
            if (root is not null && NetworkConfigs.TakeOut(root) is { } without)
            {
                AtomicFile.Write(path, without, File.GetUnixFileMode(path));
            }
        }

        string own = options.IsChained ? options.OwnedName : StandaloneFile;
        if (own.Length > 0)
        {
            File.Delete(Path.Combine(options.NetDir, own));
        }

        File.Delete(options.KubeconfigPath);
        File.Delete(options.BinaryPath);
        return true;
    });

    private string StandaloneFile => options.ConfigName.Length > 0 ? options.ConfigName : StandaloneName;

    private void InstallProgram()
    {
        var source = new FileInfo(options.BinarySource);
        var installed = new FileInfo(options.BinaryPath);
        bool same = installed.Exists && installed.Length == source.Length
            && installed.LastWriteTimeUtc == source.LastWriteTimeUtc && installed.UnixFileMode == ProgramMode;
        if (same)
        {
            return;
        }

        AtomicFile.Copy(options.BinarySource, options.BinaryPath, ProgramMode);
        log.WriteLine($"info: wrote '{options.BinaryPath}'.");
    }

    private bool InstallStandalone()
    {
        Write(Path.Combine(options.NetDir, StandaloneFile), NetworkConfigs.Print(CniEntry.Make(options)), options.ConfigMode);
        return true;
    }

    private bool InstallChain()
    {
        if (FindPrimary(out JsonObject? root) is not { } primary || root is null)
        {
            Tell($"waiting for a network configuration in '{options.NetDir}' to chain into.");
            return false;
        }

        JsonObject entry = CniEntry.Make(options);
        if (options.OwnedName.Length > 0)
        {
            if (string.CompareOrdinal(Path.GetFileName(primary), options.OwnedName) < 0)
            {
                Tell($"'{primary}' comes before '{options.OwnedName}', so runtimes use it and pods are not captured; give "
                    + $"--{InstallFlags.OwnedName} a name that comes first.");
            }

            Write(Path.Combine(options.NetDir, options.OwnedName), NetworkConfigs.Insert(root, entry), options.ConfigMode);
            return true;
        }

        bool isList = primary.EndsWith(".conflist", StringComparison.Ordinal);
        string path = isList ? primary : primary + "list";
        _chained.Add(path);
        if (isList && NetworkConfigs.HasEntry(root, entry))
        {
            return true;
        }

        AtomicFile.Write(path, NetworkConfigs.Insert(root, entry), File.GetUnixFileMode(primary));
        log.WriteLine($"info: wrote '{path}'.");
        if (!isList)
        {
            // Runtimes read both endings; two networks of one name must not be left.
            File.Delete(primary);
        }

        return true;
    }

    /// <summary>The configuration that runtimes use, ours left out: the first valid one by name, or the one we were told.</summary>
    private string? FindPrimary(out JsonObject? root)
    {
        root = null;
        IEnumerable<string> candidates = Directory.EnumerateFiles(options.NetDir)
            .Where(path => path.EndsWith(".conf", StringComparison.Ordinal) || path.EndsWith(".conflist", StringComparison.Ordinal))
            .Where(path => Path.GetFileName(path) != options.OwnedName)
            .Where(path => options.ConfigName.Length == 0 || IsNamed(Path.GetFileName(path)))
            .Order(StringComparer.Ordinal);
        foreach (string path in candidates)
        {
            root = NetworkConfigs.TryParse(path, File.ReadAllText(path), out string problem);
            if (root is not null)
            {
                return path;
            }

            Tell($"'{path}' is left out: {problem}.");
        }

        return null;
    }

    /// <summary>The name we were told may have become a list by us, or may be one already.</summary>
    private bool IsNamed(string fileName) =>
        fileName == options.ConfigName || fileName == options.ConfigName + "list" || fileName + "list" == options.ConfigName;

    private void Write(string path, string text, UnixFileMode mode)
    {
        bool same = File.Exists(path) && File.ReadAllText(path) == text && File.GetUnixFileMode(path) == mode;
        if (!same)
        {
            AtomicFile.Write(path, text, mode);
            log.WriteLine($"info: wrote '{path}'.");
        }
    }

    /// <summary>Once each: the same state is looked at again and again.</summary>
    private void Tell(string problem)
    {
        if (problem != _lastProblem)
        {
            log.WriteLine("warning: " + problem);
            _lastProblem = problem;
        }
    }

    private static bool Guarded(Func<bool> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string advice = e.Message.Contains("Read-only", StringComparison.OrdinalIgnoreCase)
                ? " This folder of the node cannot be written; some platforms keep plugins elsewhere (cniBinDir, cniConfDir)."
                : " Are the node's folders mounted into this pod?";
            throw new CaptureException($"The plugin cannot be installed: {e.Message}{advice}", e);
        }
    }
}
