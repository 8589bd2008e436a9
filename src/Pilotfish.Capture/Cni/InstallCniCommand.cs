using System.Runtime.InteropServices;
using Pilotfish.Capture.Cni.Install;
using Pilotfish.Capture.Cni.Pods;
using Pilotfish.Capture.Cni.Repair;
using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Cni;

/// <summary>
/// The role `install-cni` (the DaemonSet istio-cni-node): installs the plugin on its node, puts it back when something
/// changes it, removes it on SIGTERM or SIGINT.
/// </summary>
public static class InstallCniCommand
{
    public const int ExitSuccess = 0;
    public const int ExitFailure = 1;
    public const int ExitUsage = 255;

    public static int Run(
        IReadOnlyList<string> args, IReadOnlyDictionary<string, string> environment, TextWriter stdout, TextWriter stderr)
    {
        using var ending = new CancellationTokenSource();
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        return Run(args, environment, stdout, stderr, ready => { }, ending.Token);

        void End(PosixSignalContext signal)
        {
            signal.Cancel = true;
            ending.Cancel();
        }
    }

    /// <param name="args">Flags.</param>
    /// <param name="environment">Their variables, and the API server's address.</param>
    /// <param name="stdout">Gets the help.</param>
    /// <param name="stderr">Gets the log.</param>
    /// <param name="onServing">Called once with the port of the probes.</param>
    /// <param name="ending">Ends the installation and removes it.</param>
    internal static int Run(
        IReadOnlyList<string> args,
        IReadOnlyDictionary<string, string> environment,
        TextWriter stdout,
        TextWriter stderr,
        Action<int> onServing,
        CancellationToken ending)
    {
        try
        {
            IReadOnlyDictionary<string, FlagValue> flags = FlagParser.Parse(InstallFlags.All, args, environment);
            if (new FlagReader(flags).Switch(InstallFlags.Help))
            {
                FlagHelp.Write(
                    stdout, "install-cni", "Installs the CNI plugin on this node and keeps it installed.", InstallFlags.All);
                return ExitSuccess;
            }

            Keep(InstallOptions.Read(flags, environment), stderr, onServing, ending);
            return ExitSuccess;
        }
        catch (FlagException e)
        {
            stderr.WriteLine("error: " + e.Message);
            return ExitUsage;
        }
        catch (CaptureException e)
        {
            stderr.WriteLine("error: " + e.Message);
            return ExitFailure;
        }
    }

    private static void Keep(InstallOptions options, TextWriter log, Action<int> onServing, CancellationToken ending)
    {
        using var probes = new ReadinessServer(options.ReadinessPort);
        onServing(probes.Port);
        var installer = new CniInstaller(options, log);

        // Watched before the first look, so that no change falls between look and watch.
        using var watch = new NodeWatch(
            [options.NetDir, options.BinDir, options.RunDir, Path.GetDirectoryName(options.TokenFile)!]);
        RepairLoop? repair = null;
        try
        {
            while (true)
            {
                probes.IsReady = installer.Install();

                // Not before the first: it needs the kubeconfig, and pods that start meanwhile are what it is for.
                repair ??= StartRepair(options, log);
                watch.Wait(ending);
            }
        }
        catch (OperationCanceledException)
        {
            // The pod is to end.
        }
        finally
        {
            probes.IsReady = false;
            repair?.Dispose();
            installer.CleanUp();
        }
    }

    private static RepairLoop? StartRepair(InstallOptions options, TextWriter log)
    {
        if (options.Repair.Mode == RepairMode.None)
        {
            return null;
        }

        var api = new KubernetesApi(options.KubeconfigPath);
        var pods = new KubernetesNodePods(api, options.Repair, TimeProvider.System, log);
        var repair = new PodRepair(
            options.Repair,
            pods,
            new ProcNetworkNamespaces(options.ProcDir),
            rules => IptablesCommand.Run(rules, TextWriter.Null, log),
            TimeProvider.System,
            log);
        return new RepairLoop(repair, pods, log);
    }
}
