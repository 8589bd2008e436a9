using System.Net;
using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;
using Pilotfish.Local.Pods;
using Pilotfish.Local.Sandboxes;
using Pilotfish.Local.State;

namespace Pilotfish.Local.Kubelet;

/// <summary>
/// One pod from its creation to its removal. 1 sandbox and network, 2 volumes, 3 init containers one after the other
/// (native sidecars stay), 4 containers, 5 wait; stopping: 6 out of the endpoints, 7 containers, 8 native sidecars in
/// reverse, 9 sandbox.
/// </summary>
/// <param name="withdrawn">Ends when nobody sends requests to the pod any more, or after a bounded time.</param>
internal sealed class PodWorker(
    NodeContext node, PodSpec pod, YamlMapping manifest, ManifestSet manifests, Func<PodWorker, Task> withdrawn, Action changed)
{
    /// <summary>
    /// Between taking a pod out of the endpoints and stopping it, at least: the control plane's debounce (100 ms), a push, and requests
    /// already on their way. A control plane that is away just then takes longer.
    /// </summary>
    private static readonly TimeSpan s_withdrawal = TimeSpan.FromSeconds(2);

    private readonly List<ContainerWorker> _init = [];
    private readonly List<ContainerWorker> _main = [];
    private readonly string _folder = node.Folders.Pod(pod.Name.Namespace, pod.Name.Name);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new();
    private Sandbox? _sandbox;
    private Task _running = Task.CompletedTask;
    private Task? _stopped;

    public PodSpec Pod => pod;

    public YamlMapping Manifest => manifest;

    public IPAddress Address { get; } = node.Addresses.TakePod();

    /// <summary>What its apps did against its sidecar so far; belongs to <see cref="SidecarRivals"/>.</summary>
    public HashSet<string> Rivals { get; } = [];

    public PodPhase Phase { get; private set; } = PodPhase.Pending;

    public DateTimeOffset StartTime { get; } = DateTimeOffset.UtcNow;

    public bool IsReady
    {
        get
        {
            lock (_lock)
            {
                return Phase == PodPhase.Running
                    && _main.Count == pod.Containers.Count
                    && _main.All(c => c.IsReady)
                    && _init.Where(c => c.Spec.IsNativeSidecar).All(c => c.IsReady);
            }
        }
    }

    public PodDescription Describe()
    {
        lock (_lock)
        {
            return new PodDescription(
                pod.Name.Namespace, pod.Name.Name, Address.ToString(), Phase.ToString(), _folder,
                [.. _init.Concat(_main).Select(c => c.Describe())]);
        }
    }

    /// <summary>Its containers, without the sidecar and others of our own image, as they are now.</summary>
    public IReadOnlyList<RunningContainer> Apps()
    {
        lock (_lock)
        {
            return
            [
                .. _main.Where(static c => c.Spec.Name != PodSpec.SidecarContainer && !ContainerReader.IsOwnImage(c.Spec.Image))
                    .Select(c => c.Now(MeshFolders.ContainerLog(_folder, c.Spec.Name))),
            ];
        }
    }

    public void Start() => _running = RunAsync();

    /// <summary>Stops the pod gracefully and removes it; a second call waits for the first.</summary>
    public Task StopAsync(bool withdrawFirst)
    {
        lock (_lock)
        {
            return _stopped ??= StopOnceAsync(withdrawFirst);
        }
    }

    private async Task RunAsync()
    {
        try
        {
            PodRuntime runtime = await CreateAsync();
            if (!await RunInitAsync(runtime))
            {
                return;
            }

            await RunMainAsync(runtime);
        }
        catch (Exception e) when (e is LocalException or ManifestException or IOException or UnauthorizedAccessException)
        {
            SetPhase(PodPhase.Failed);
            Report(e.Message);
        }
        catch (OperationCanceledException)
        {
            // Stopped while starting; StopAsync removes what is there.
        }
    }

    private async Task<PodRuntime> CreateAsync()
    {
        Directory.CreateDirectory(_folder);
        _sandbox = await Sandbox.StartAsync(pod.Name.ToString(), PodRuntime.SetUpScript(_folder, pod));
        _stopping.Token.ThrowIfCancellationRequested();
        await node.Links.JoinAsync(_sandbox, Address);
        var runtime = new PodRuntime(node, pod, _sandbox, Address, _folder, manifests);
        await runtime.PrepareAsync();
        changed();
        return runtime;
    }

    private async Task<bool> RunInitAsync(PodRuntime runtime)
    {
        foreach (ContainerSpec spec in pod.InitContainers)
        {
            _stopping.Token.ThrowIfCancellationRequested();
            string policy = spec.IsNativeSidecar ? "Always" : pod.RestartPolicy == "Never" ? "Never" : "OnFailure";
            ContainerWorker worker = Add(_init, runtime, spec, isInit: true, policy);
            Task ended = Watched(worker);
            await (spec.IsNativeSidecar ? worker.StartedOnce : ended);
            _stopping.Token.ThrowIfCancellationRequested();
            if (!spec.IsNativeSidecar && worker.ExitCode != 0)
            {
                Report($"init container {spec.Name} failed with exit code {worker.ExitCode}{worker.Explanation}");
                SetPhase(PodPhase.Failed);
                return false;
            }
        }

        return true;
    }

    private async Task RunMainAsync(PodRuntime runtime)
    {
        var ended = new List<Task>();
        foreach (ContainerSpec spec in pod.Containers)
        {
            _stopping.Token.ThrowIfCancellationRequested();
            ContainerWorker worker = Add(_main, runtime, spec, isInit: false, pod.RestartPolicy);
            ended.Add(Watched(worker));

            // As the kubelet: the next container waits for this one's postStart hook, by which a sidecar holds the app.
            if (spec.PostStart is not null)
            {
                await worker.StartedOnce;
            }
        }

        SetPhase(PodPhase.Running);
        await Task.WhenAll(ended);
        if (!_stopping.IsCancellationRequested)
        {
            SetPhase(_main.All(c => c.ExitCode == 0) ? PodPhase.Succeeded : PodPhase.Failed);
            await StopContainersAsync(Enumerable.Reverse(_init).ToList());
        }
    }

    private ContainerWorker Add(List<ContainerWorker> list, PodRuntime runtime, ContainerSpec spec, bool isInit, string policy)
    {
        var worker = new ContainerWorker(runtime, spec, isInit, policy, changed, Report, _stopping.Token);
        lock (_lock)
        {
            list.Add(worker);
        }

        return worker;
    }

    /// <summary>A start that fails on the machine's side ends the pod with a message, not this program.</summary>
    private async Task Watched(ContainerWorker worker)
    {
        try
        {
            await worker.RunAsync();
        }
        catch (Exception e) when (e is LocalException or ManifestException or IOException or UnauthorizedAccessException)
        {
            SetPhase(PodPhase.Failed);
            Report($"container {worker.Spec.Name}: {e.Message}");
            await _stopping.CancelAsync();
        }
    }

    private async Task StopOnceAsync(bool withdrawFirst)
    {
        await Task.Yield();
        bool served = IsReady;
        SetPhase(PodPhase.Terminating);
        if (withdrawFirst && served)
        {
            await Task.Delay(s_withdrawal);
            await withdrawn(this);
        }

        await _stopping.CancelAsync();
        await StopContainersAsync(_main.ToList(), atOnce: true);
        await StopContainersAsync(Enumerable.Reverse(_init).ToList());
        if (_sandbox is not null)
        {
            await _sandbox.DisposeAsync();
        }

        await _running;
        node.Addresses.FreePod(Address);
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }

        changed();
    }

    private async Task StopContainersAsync(List<ContainerWorker> workers, bool atOnce = false)
    {
        using var grace = new CancellationTokenSource(pod.GracePeriod);
        if (atOnce)
        {
            await Task.WhenAll(workers.Select(worker => worker.StopAsync(grace.Token)));
            return;
        }

        foreach (ContainerWorker worker in workers)
        {
            await worker.StopAsync(grace.Token);
        }
    }

    private void SetPhase(PodPhase phase)
    {
        bool isFinal = Phase is PodPhase.Terminating;
        if (!isFinal && Phase != phase)
        {
            Phase = phase;
            changed();
        }
    }

    private void Report(string text) => node.Report($"{pod.Name}: {text}");
}
