using System.Diagnostics;
using System.Runtime.InteropServices;
using Pilotfish.Local.Kubelet;
using Pilotfish.Local.Mesh;
using Pilotfish.Local.State;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Commands;

/// <summary>`up DIR`: brings the mesh up and stays, or, with --detach, leaves it running in the background.</summary>
public static class UpCommand
{
    private const int ExitSuccess = 0;
    private const int ExitFailure = 1;
    private const int ExitInterrupted = 130;

    /// <summary>A dozen pods on two busy cores need half a minute; pods that crash never get ready.</summary>
    private static readonly TimeSpan s_detachDeadline = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(100);

    /// <param name="directory">The folder of manifests.</param>
    /// <param name="detach">Return when the mesh is up.</param>
    /// <param name="publish">"PORT:SERVICE:PORT" each.</param>
    /// <param name="meshId">Set only by our own detached process, which must use the folder its parent looks at.</param>
    public static async Task<int> RunAsync(
        string directory, bool detach, IReadOnlyList<string> publish, string? meshId, TextWriter output, TextWriter error)
    {
        try
        {
            MachineNeeds.Demand();
            string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
            if (!Directory.Exists(full))
            {
                throw new LocalException(File.Exists(full)
                    ? $"'{directory}' is a file; 'up' takes the folder that holds the manifests."
                    : $"There is no folder '{directory}'.");
            }

            var options = new MeshOptions(full, [.. publish.Select(PublishedPort.Parse)]);
            MeshFolders folders = meshId is null ? MeshFolders.New() : new MeshFolders(meshId);
            if (!detach)
            {
                return await StayAsync(options, folders, output);
            }

            // Only to say no at once: the process in the background takes it for good.
            Claim(options).Dispose();
            return await DetachAsync(options, publish, folders, output);
        }
        catch (LocalException e)
        {
            await error.WriteLineAsync("error: " + e.Message);
            return ExitFailure;
        }
    }

    private static async Task<int> StayAsync(MeshOptions options, MeshFolders folders, TextWriter output)
    {
        using var stop = new CancellationTokenSource();
        using IDisposable interrupted = OnSignal(PosixSignal.SIGINT, stop);
        using IDisposable terminated = OnSignal(PosixSignal.SIGTERM, stop);
        using IDisposable hungUp = OnSignal(PosixSignal.SIGHUP, stop);
        long began = Stopwatch.GetTimestamp();
        TextWriter lines = TextWriter.Synchronized(output);
        void Say(string text) => Report(lines, began, text);
        using FolderLock claim = Claim(options);
        MeshLock held = await MeshLock.TakeAsync(folders)
            ?? throw new LocalException($"The mesh '{folders.Id}' is running already.");
        try
        {
            // First of all, so that `down` finds this process however early it is asked.
            var nothingYet = new MeshDescription(options.Directory, Environment.ProcessId, MeshDescription.Starting, [], []);
            MeshDescription.Write(folders.Description, nothingYet.ToJson());
            if (await Leftovers.RemoveAsync() is > 0 and int removed)
            {
                Say($"removed what {removed} killed {(removed == 1 ? "mesh" : "meshes")} had left");
            }

            await LocalMesh.RunAsync(
                options, folders, new SidecarInjector(Say), node => new ControlPlaneProcess(node), Say, stop.Token);
        }
        finally
        {
            await Leftovers.RemoveAsync(folders);
            held.Dispose();
            Leftovers.RemoveRootIfEmpty();
        }

        Report(lines, began, "everything is removed");
        return ExitSuccess;
    }

    /// <summary>One mesh per folder: two would fight over nothing, but no command could tell them apart.</summary>
    private static FolderLock Claim(MeshOptions options)
    {
        // The lock is of the folder that is there now; a mesh may still run from one that was replaced.
        var running = MeshLocator.Running().Where(m => MeshLocator.IsOf(m.Description, options.Directory)).ToList();
        FolderLock? claim = running.Count == 0 ? FolderLock.TryTake(options.Directory) : null;
        string id = running.Count > 0 ? $" (id {running[0].Folders.Id})" : string.Empty;
        return claim ?? throw new LocalException(
            $"The folder '{options.Directory}' runs as a mesh already{id}, and its files are watched. 'pilotfish get {options.Directory}' shows "
            + $"it, 'pilotfish down {options.Directory}' removes it.");
    }

    private static void Report(TextWriter output, long began, string text)
    {
        output.WriteLine($"[{Stopwatch.GetElapsedTime(began).TotalSeconds,6:0.0} s] {text}");
        output.Flush();
    }

    private static PosixSignalRegistration OnSignal(PosixSignal signal, CancellationTokenSource stop) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            stop.Cancel();
        });

    private static async Task<int> DetachAsync(MeshOptions options, IReadOnlyList<string> publish, MeshFolders folders, TextWriter output)
    {
        using var stop = new CancellationTokenSource();
        using IDisposable interrupted = OnSignal(PosixSignal.SIGINT, stop);
        using IDisposable terminated = OnSignal(PosixSignal.SIGTERM, stop);
        folders.Create();
        await File.WriteAllTextAsync(folders.UpLog, string.Empty);

        // Held before the child starts, so that its last words can be read even after it has removed the file.
        using var log = new StreamReader(new FileStream(folders.UpLog, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        using Process child = StartInBackground(options, publish, folders);
        long began = Stopwatch.GetTimestamp();
        while (!child.HasExited && Stopwatch.GetElapsedTime(began) < s_detachDeadline)
        {
            await CopyAsync(log, output);
            if (stop.IsCancellationRequested)
            {
                // Whoever gives up waiting does not want the mesh; it removes itself, and that is waited for.
                ProcessSignal.TrySend(child.Id, ProcessSignal.SIGTERM);
                await child.WaitForExitAsync(CancellationToken.None);
                await CopyAsync(log, output);
                await RemoveAsync(folders);
                return ExitInterrupted;
            }

            if (MeshDescription.Read(folders.Description)?.Phase == MeshDescription.Running)
            {
                await CopyAsync(log, output);
                await output.WriteLineAsync(
                    $"it runs in the background (id {folders.Id}); 'pilotfish get {options.Directory}' shows it, "
                    + $"'pilotfish down {options.Directory}' removes it");
                return ExitSuccess;
            }

            await Task.Delay(s_poll, stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        }

        await CopyAsync(log, output);
        if (child.HasExited)
        {
            await RemoveAsync(folders);
            throw new LocalException("The mesh did not come up.");
        }

        throw new LocalException(
            $"The mesh is not up after {s_detachDeadline.TotalMinutes:0} minutes: {NotReady(folders)}. It goes on trying; "
            + $"'pilotfish logs POD' shows why, 'pilotfish down {options.Directory}' removes it.");
    }

    private static Process StartInBackground(MeshOptions options, IReadOnlyList<string> publish, MeshFolders folders)
    {
        string[] words =
        [
            Environment.ProcessPath!, "up", options.Directory, "--mesh-id", folders.Id,
            .. publish.SelectMany(p => new[] { "--publish", p }),
        ];
        string script = $"exec </dev/null >>{Sandboxes.Shell.Quote(folders.UpLog)} 2>&1; exec setsid {Sandboxes.Shell.Quote(words)}";
        return Process.Start("/bin/sh", ["-c", script]) ?? throw new LocalException("'/bin/sh' could not be started.");
    }

    /// <summary>For a child that ended before it could clean up after itself.</summary>
    private static async Task RemoveAsync(MeshFolders folders)
    {
        await Leftovers.RemoveAsync(folders);
        Leftovers.RemoveRootIfEmpty();
    }

    private static async Task CopyAsync(StreamReader log, TextWriter output)
    {
        string text = await log.ReadToEndAsync();
        await output.WriteAsync(text);
        await output.FlushAsync();
    }

    private static string NotReady(MeshFolders folders) => string.Join(
        ", ", (MeshDescription.Read(folders.Description)?.Pods ?? []).Where(p => !p.IsReady).Select(p => $"{p.ShortName} is not ready"));
}
