using System.Diagnostics;
using System.Runtime.InteropServices;
using Pilotfish.Local.Mesh;
using Pilotfish.Local.Sandboxes;
using Pilotfish.Local.State;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Commands;

/// <summary>`exec POD -- CMD`: runs a command in a container, as its user, with this terminal's streams and its exit code.</summary>
public static class ExecCommand
{
    public static async Task<int> RunAsync(
        string? mesh, string pod, string? container, IReadOnlyList<string> command, TextWriter error)
    {
        try
        {
            PodDescription target = MeshLocator.FindPod(MeshLocator.Find(mesh).Description, pod);
            ContainerDescription into = MeshLocator.FindContainer(target, container);
            if (into.Phase != "Running" || !File.Exists(into.ExecFile))
            {
                throw new LocalException($"Container '{into.Name}' of pod '{target.ShortName}' is not running ({into.Phase}).");
            }

            MachineNeeds.CompletePath();
            string[] words = [.. (await File.ReadAllTextAsync(into.ExecFile)).Split('\0'), .. command];
            using Process process = Process.Start(words[0], words[1..])
                ?? throw new LocalException($"'{words[0]}' could not be started.");
            using IDisposable terminated = Forward(PosixSignal.SIGTERM, ProcessSignal.SIGTERM, process);
            using IDisposable hungUp = Forward(PosixSignal.SIGHUP, ProcessSignal.SIGHUP, process);

            // The terminal sends this one to the command as well; its exit code is still to be returned.
            using IDisposable interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
            await process.WaitForExitAsync();
            return process.ExitCode;
        }
        catch (LocalException e)
        {
            await error.WriteLineAsync("error: " + e.Message);
            return 1;
        }
    }

    /// <summary>To the command itself: the `nsenter` in between would end and leave it running.</summary>
    private static PosixSignalRegistration Forward(PosixSignal signal, int number, Process nsenter) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            if (!nsenter.HasExited)
            {
                ProcessSignal.TrySend(ProcessTable.FirstChild(nsenter.Id) ?? nsenter.Id, number);
            }
        });
}
