using Pilotfish.Api.Yaml;
using Pilotfish.Local.Kubelet;
using Pilotfish.Local.Manifests;
using Pilotfish.Local.Pods;

namespace Pilotfish.Local.Mesh;

/// <summary>
/// Makes the running pods those that the manifests want. A changed template brings new pods beside the old ones, which
/// go when all new ones are ready; pods with names of their own are stopped first. Called by one task only.
/// </summary>
internal sealed class WorkloadController(NodeContext node, IPodInjector injector, Func<PodWorker, Task> withdrawn, Action changed)
{
    private readonly List<RunningPod> _pods = [];
    private readonly Dictionary<string, string> _refused = new(StringComparer.Ordinal);

    public IReadOnlyList<PodWorker> Pods => [.. _pods.Select(p => p.Worker)];

    /// <summary>Why some workloads are not made, as it stands now.</summary>
    public IEnumerable<string> Refusals => _refused.Values;

    public void Reconcile(ManifestSet manifests)
    {
        _pods.RemoveAll(pod => pod.Stopping is { IsCompleted: true });
        var wanted = new Dictionary<string, DesiredWorkload>(StringComparer.Ordinal);
        var named = new HashSet<string>(StringComparer.Ordinal);
        foreach (ManifestObject item in manifests.Objects.Where(WorkloadExpander.IsWorkload))
        {
            named.Add(item.Kind + "/" + item.Name);
            Guarded(item.Kind + "/" + item.Name, () => wanted[item.Kind + "/" + item.Name] = WorkloadExpander.Read(item));
        }

        foreach (string gone in _refused.Keys.Except(named).ToArray())
        {
            _refused.Remove(gone);
        }

        // A workload that is refused is still wanted as it was: its pods stay, as they would with an API server.
        foreach (RunningPod orphan in _pods.Where(p => !named.Contains(p.Owner)).ToArray())
        {
            Stop(orphan);
        }

        foreach (DesiredWorkload workload in wanted.Values)
        {
            Guarded(workload.Key, () => ReconcileOne(workload, manifests));
        }
    }

    public async Task StopAllAsync()
    {
        // Nobody outside the mesh sends requests to it, and all of it goes: no need to withdraw endpoints first.
        await Task.WhenAll(_pods.Select(pod => pod.Worker.StopAsync(withdrawFirst: false)));
        _pods.Clear();
    }

    private void ReconcileOne(DesiredWorkload workload, ManifestSet manifests)
    {
        RunningPod[] mine = [.. _pods.Where(p => p.Owner == workload.Key)];
        RunningPod[] current = [.. mine.Where(p => p.Hash == workload.Hash && p.Stopping is null)];
        RunningPod[] outdated = [.. mine.Where(p => p.Hash != workload.Hash && p.Stopping is null)];
        if (workload.HasFixedNames)
        {
            ReconcileFixed(workload, manifests, mine, outdated);
            return;
        }

        for (int i = current.Length; i < workload.Replicas; i++)
        {
            Start(workload, i, manifests);
        }

        foreach (RunningPod surplus in current.Skip(workload.Replicas))
        {
            Stop(surplus);
        }

        bool replaced = workload.Replicas == 0
            || (current.Length >= workload.Replicas && current.All(p => p.Worker.IsReady || p.Worker.Phase == PodPhase.Succeeded));
        if (replaced)
        {
            Array.ForEach(outdated, Stop);
        }
    }

    private void ReconcileFixed(
        DesiredWorkload workload, ManifestSet manifests, RunningPod[] mine, RunningPod[] outdated)
    {
        foreach (RunningPod pod in outdated.Concat(mine.Where(p => p.Stopping is null && p.Ordinal >= workload.Replicas)))
        {
            Stop(pod);
        }

        for (int i = 0; i < workload.Replicas; i++)
        {
            RunningPod? there = mine.FirstOrDefault(p => p.Ordinal == i);
            if (there is null)
            {
                Start(workload, i, manifests);
                return;
            }

            // In order, as a StatefulSet promises: the next starts when this one is ready.
            if (there.Stopping is not null || !there.Worker.IsReady)
            {
                return;
            }
        }
    }

    private void Start(DesiredWorkload workload, int ordinal, ManifestSet manifests)
    {
        YamlMapping pod = injector.Inject(WorkloadExpander.CreatePod(workload, ordinal), manifests);
        PodSpec spec = PodSpecReader.Read(pod, Guid.NewGuid().ToString());
        var worker = new PodWorker(node, spec, pod, manifests, withdrawn, changed);
        _pods.Add(new RunningPod(workload.Key, workload.Hash, ordinal, worker));
        worker.Start();
    }

    private void Stop(RunningPod pod)
    {
        pod.Stopping ??= StopAndTellAsync(pod.Worker);
    }

    private async Task StopAndTellAsync(PodWorker worker)
    {
        await worker.StopAsync(withdrawFirst: true);
        changed();
    }

    /// <summary>One bad workload must not keep the others from running.</summary>
    private void Guarded(string key, Action act)
    {
        try
        {
            act();
            _refused.Remove(key);
        }
        catch (ManifestException e)
        {
            _refused[key] = e.Message;
        }
    }

    private sealed record RunningPod(string Owner, string Hash, int Ordinal, PodWorker Worker)
    {
        public Task? Stopping { get; set; }
    }
}
