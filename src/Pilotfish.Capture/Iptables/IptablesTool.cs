using System.Globalization;
using Pilotfish.Capture.Rules;
using Pilotfish.Capture.Processes;

namespace Pilotfish.Capture.Iptables;

/// <summary>One address family's iptables: save, check, restore, delete.</summary>
internal sealed class IptablesTool(ICommandRunner runner, IptablesBinary binary)
{
    /// <summary>Long enough for a busy node's own rule updates (kube-proxy takes seconds), short enough for a pod's start.</summary>
    public const int LockWaitSeconds = 30;

    public static readonly string LockWait = "--wait=" + LockWaitSeconds.ToString(CultureInfo.InvariantCulture);

    public string Name => binary.Name;

    /// <summary>The rules there now, or an empty state when they cannot be read (no table has been loaded yet).</summary>
    public SavedState Save(out string text)
    {
        CommandResult saved = runner.Run(binary.SaveName, []);
        text = saved.ExitCode == 0 ? saved.Output : string.Empty;
        return SavedState.Parse(text);
    }

    public bool Has(CaptureRule rule) =>
        runner.Run(binary.Name, WithLock(IptablesFormat.Command("-C", rule))).ExitCode == 0;

    public void Restore(RestoreText text)
    {
        CommandResult result = runner.Run(binary.RestoreName, WithLock(["--noflush"]), text.Text);
        if (result.ExitCode != 0)
        {
            string table = IptablesFormat.TableName(text.Table);
            throw IptablesFaults.Failed($"{binary.RestoreName} --noflush (table {table})", result.ErrorText);
        }
    }

    public void Insert(CaptureRule rule)
    {
        List<string> args = ["-t", IptablesFormat.TableName(rule.Table), .. IptablesFormat.Restore(rule)];
        CommandResult result = runner.Run(binary.Name, WithLock(args));
        if (result.ExitCode != 0)
        {
            throw IptablesFaults.Failed($"{binary.Name} {string.Join(' ', args)}", result.ErrorText);
        }
    }

    /// <summary>Runs a removal whose object may be gone already; false then.</summary>
    public bool TryRun(IReadOnlyList<string> args) => runner.Run(binary.Name, WithLock(args)).ExitCode == 0;

    private List<string> WithLock(IReadOnlyList<string> args) => binary.NeedsLock ? [.. args, LockWait] : [.. args];
}
