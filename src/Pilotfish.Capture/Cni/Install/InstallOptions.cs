using System.Globalization;
using Pilotfish.Capture.Cni.Repair;
using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Cni.Install;

/// <summary>Everything that install-cni was told, checked.</summary>
internal sealed record InstallOptions
{
    /// <summary>A file name, or empty for the first valid one.</summary>
    public required string ConfigName { get; init; }

    public required bool IsChained { get; init; }

    /// <summary>The name of our own copy of the chain; empty when the other's file is changed.</summary>
    public required string OwnedName { get; init; }

    /// <summary>Our entry as the operator wrote it; empty: made from these options.</summary>
    public required string EntryText { get; init; }

    public required string LogLevel { get; init; }

    public required string NetDir { get; init; }

    public required string RunDir { get; init; }

    public required UnixFileMode KubeconfigMode { get; init; }

    public required UnixFileMode ConfigMode { get; init; }

    public required string CaFile { get; init; }

    public required bool SkipVerify { get; init; }

    public required IReadOnlyList<string> ExcludedNamespaces { get; init; }

    public required string PodNamespace { get; init; }

    public required bool NativeNftables { get; init; }

    public required string BinarySource { get; init; }

    public required string BinDir { get; init; }

    public required string TokenFile { get; init; }

    /// <summary>The API server as the pod's environment names it, for instance https://10.96.0.1:443.</summary>
    public required string Server { get; init; }

    public required int ReadinessPort { get; init; }

    public required RepairOptions Repair { get; init; }

    /// <summary>The node's /proc.</summary>
    public required string ProcDir { get; init; }

    public string KubeconfigPath => Path.Combine(RunDir, CniCommand.KubeconfigName);

    public string BinaryPath => Path.Combine(BinDir, CniEntry.PluginType);

    public static InstallOptions Read(
        IReadOnlyDictionary<string, FlagValue> flags, IReadOnlyDictionary<string, string> environment)
    {
        var reader = new FlagReader(flags);
        string accountDir = reader.Text(InstallFlags.AccountDir);
        string ca = reader.Text(InstallFlags.CaFile);
        return new InstallOptions
        {
            ConfigName = FileName(flags[InstallFlags.ConfigName]),
            IsChained = reader.Switch(InstallFlags.Chained),
            OwnedName = ReadOwnedName(reader, flags[InstallFlags.OwnedName]),
            EntryText = ReadEntry(reader),
            LogLevel = reader.Text(InstallFlags.LogLevel),
            NetDir = reader.Text(InstallFlags.NetDir),
            RunDir = reader.Text(InstallFlags.RunDir),
            KubeconfigMode = Mode(flags[InstallFlags.KubeconfigMode]),
            ConfigMode = UnixFileMode.UserRead | UnixFileMode.UserWrite
                | (reader.Switch(InstallFlags.GroupRead) ? UnixFileMode.GroupRead : UnixFileMode.None),
            CaFile = ca.Length > 0 ? ca : Path.Combine(accountDir, "ca.crt"),
            SkipVerify = reader.Switch(InstallFlags.SkipVerify),
            ExcludedNamespaces = reader.Text(InstallFlags.ExcludeNamespaces)
                .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
            PodNamespace = reader.Text(InstallFlags.PodNamespace),
            NativeNftables = reader.Switch(InstallFlags.NativeNftables),
            BinarySource = reader.Text(InstallFlags.BinarySource) is { Length: > 0 } source
                ? source
                : Environment.ProcessPath ?? throw new CaptureException(
                    $"This program's own file is not known; name it with --{InstallFlags.BinarySource}."),
            BinDir = reader.Text(InstallFlags.BinDir),
            TokenFile = Path.Combine(accountDir, "token"),
            Server = ReadServer(environment),
            ReadinessPort = (int)Math.Min(reader.Number(InstallFlags.ReadinessPort, min: 0), ushort.MaxValue),
            Repair = RepairOptions.Read(flags),
            ProcDir = reader.Text(InstallFlags.ProcDir),
        };
    }

    private static string ReadOwnedName(FlagReader reader, FlagValue name)
    {
        if (!reader.Switch(InstallFlags.Owned) || !reader.Switch(InstallFlags.Chained))
        {
            return string.Empty;
        }

        string checkedName = FileName(name);
        return checkedName.EndsWith(".conflist", StringComparison.Ordinal)
            ? checkedName
            : throw FlagReader.Refuse(name, name.Text, "must end with .conflist");
    }

    private static string ReadEntry(FlagReader reader)
    {
        string file = reader.Text(InstallFlags.NetworkConfigFile);
        try
        {
            return file.Length > 0 ? File.ReadAllText(file) : reader.Text(InstallFlags.NetworkConfig);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CaptureException($"--{InstallFlags.NetworkConfigFile} '{file}' cannot be read: {e.Message}");
        }
    }

    private static string ReadServer(IReadOnlyDictionary<string, string> environment)
    {
        string host = environment.GetValueOrDefault("KUBERNETES_SERVICE_HOST", string.Empty);
        string port = environment.GetValueOrDefault("KUBERNETES_SERVICE_PORT", string.Empty);
        if (host.Length == 0 || port.Length == 0)
        {
            throw new CaptureException(
                "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, so the API server is unknown. install-cni "
                + "runs in a pod of the cluster, usually of the DaemonSet istio-cni-node.");
        }

        string protocol = environment.GetValueOrDefault("KUBERNETES_SERVICE_PROTOCOL", "https");
        string bracketed = host.Contains(':', StringComparison.Ordinal) && !host.StartsWith('[') ? $"[{host}]" : host;
        return $"{protocol}://{bracketed}:{port}";
    }

    private static string FileName(FlagValue value) =>
        value.Text.Length == 0 || (Path.GetFileName(value.Text) == value.Text && value.Text[0] != '.')
            ? value.Text
            : throw FlagReader.Refuse(value, value.Text, "must be the name of a file, without a folder");

    private static UnixFileMode Mode(FlagValue value)
    {
        bool octal = value.Text.StartsWith("0o", StringComparison.Ordinal) || (value.Text.Length > 1 && value.Text[0] == '0');
        string digits = value.Text.StartsWith("0o", StringComparison.Ordinal) ? value.Text[2..] : value.Text;
        int mode = -1;
        try
        {
            mode = octal ? Convert.ToInt32(digits, 8) : int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            // Refused below, like a number outside of the range.
        }

        return mode is > 0 and <= 0x1ff
            ? (UnixFileMode)mode
            : throw FlagReader.Refuse(value, value.Text, "must be a file mode such as 0600");
    }
}
