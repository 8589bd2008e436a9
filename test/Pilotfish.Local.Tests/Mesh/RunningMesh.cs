using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Pilotfish.Api.Yaml;
using Pilotfish.Local.Kubelet;
using Pilotfish.Local.Manifests;
using Pilotfish.Local.Mesh;
using Pilotfish.Local.State;
using Pilotfish.Testing;

namespace Pilotfish.Local.Tests.Mesh;

/// <summary>A real mesh without sidecars and control plane, of manifests that a test writes.</summary>
internal sealed class RunningMesh : IAsyncDisposable
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(20);

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _reports = new();
    private readonly Task _running;
    private readonly MeshLock _lock;

    private RunningMesh(string directory, MeshFolders folders, MeshLock held)
    {
        Directory = directory;
        Folders = folders;
        _lock = held;
        _running = LocalMesh.RunAsync(
            new MeshOptions(directory, []), Folders, new NoInjector(), _ => new NoControlPlane(), _reports.Enqueue, _stop.Token);
    }

    public string Directory { get; }

    public MeshFolders Folders { get; }

    public IEnumerable<string> Reports => _reports;

    public static async Task<RunningMesh> StartAsync(string manifests, bool waitUntilUp = true)
    {
        Prerequisite.Root();
        Prerequisite.Program("ip", "iptables", "nsenter", "unshare", "perl", "curl");
        string directory = System.IO.Directory.CreateTempSubdirectory("pilotfish-local-").FullName;

        // A temporary folder is its owner's alone; the pods' users look into this one.
        const UnixFileMode open = (UnixFileMode)0x1ED;
        File.SetUnixFileMode(directory, open);
        await File.WriteAllTextAsync(Path.Combine(directory, "mesh.yaml"), manifests);
        var folders = new MeshFolders("t" + Guid.NewGuid().ToString("N")[..8]);
        var mesh = new RunningMesh(directory, folders, (await MeshLock.TakeAsync(folders))!);
        if (waitUntilUp)
        {
            await mesh.UntilAsync(d => d.Phase == MeshDescription.Running);
        }

        return mesh;
    }

    public void Write(string manifests) => File.WriteAllText(Path.Combine(Directory, "mesh.yaml"), manifests);

    /// <summary>Waits for a state of the mesh; says what it was instead when it never comes.</summary>
    public async Task<MeshDescription> UntilAsync(Func<MeshDescription, bool> reached)
    {
        long began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < Patience.Limit)
        {
            if (MeshDescription.Read(Folders.Description) is { } now && reached(now))
            {
                return now;
            }

            if (_running.IsCompleted)
            {
                await _running;
            }

            await Task.Delay(s_poll);
        }

        string state = File.Exists(Folders.Description) ? await File.ReadAllTextAsync(Folders.Description) : "no description";
        throw new TimeoutException($"{state}\n{string.Join('\n', _reports)}");
    }

    public async Task<string> UntilReportAsync(string part)
    {
        await UntilAsync(_ => _reports.Any(r => r.Contains(part, StringComparison.Ordinal)));
        return _reports.First(r => r.Contains(part, StringComparison.Ordinal));
    }

    /// <summary>Runs a shell command in a pod's first container and returns what it printed.</summary>
    public string Exec(string pod, string command)
    {
        PodDescription target = MeshDescription.Read(Folders.Description)!.Pods.First(p => p.Name.StartsWith(pod, StringComparison.Ordinal));
        string[] words = [.. File.ReadAllText(target.Containers.First(c => !c.IsInit).ExecFile).Split('\0'), "sh", "-c", command];
        using Process process = Process.Start(
            new ProcessStartInfo(words[0], words[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output + error.GetAwaiter().GetResult();
    }

    public string Log(string pod, string container)
    {
        PodDescription target = MeshDescription.Read(Folders.Description)!.Pods.First(p => p.Name.StartsWith(pod, StringComparison.Ordinal));
        return File.ReadAllText(MeshFolders.ContainerLog(target.Folder, container));
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopAsync();
        }
        finally
        {
            await Leftovers.RemoveAsync(Folders);
            _lock.Dispose();
            System.IO.Directory.Delete(Directory, recursive: true);
            Leftovers.RemoveRootIfEmpty();
        }
    }

    private sealed class NoInjector : IPodInjector
    {
        public YamlMapping Inject(YamlMapping pod, ManifestSet manifests) => pod;
    }

    private sealed class NoControlPlane : IControlPlane
    {
        public Task StartAsync() => Task.CompletedTask;

        public Task SettleAsync(IReadOnlyCollection<IPEndPoint> endpoints, IReadOnlyCollection<string> proxies) => Task.CompletedTask;

        public Task SettleWithoutAsync(IPAddress address, IReadOnlyCollection<string> proxies, CancellationToken stop) => Task.CompletedTask;

        public Task<IReadOnlyList<string>?> ProblemsAsync() => Task.FromResult<IReadOnlyList<string>?>([]);

        public Task StopAsync() => Task.CompletedTask;
    }
}
