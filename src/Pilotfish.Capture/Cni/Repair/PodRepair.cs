using Pilotfish.Capture.Cni.Pods;
using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Cni.Repair;

/// <summary>
/// Repairs pods that started before their node could capture them. What was done is remembered by the pod's uid, because a repaired pod
/// keeps looking broken until the kubelet has tried again. For one thread.
/// </summary>
internal sealed class PodRepair(
    RepairOptions options, INodePods pods, INetworkNamespaces namespaces, Action<IptablesOptions> apply, TimeProvider clock, TextWriter log)
{
    /// <summary>Tries for one pod. What fails five times, half a minute long, fails for a reason that a person has to see.</summary>
    private const int AttemptsMax = 5;

    private const string DeleteReason = "DeleteBrokenPod";
    private const string LabelReason = "LabelBrokenPod";

    /// <summary>Before the second try; doubles each time. Events of the pod in between change what is tried, not when.</summary>
    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, Failed> _failed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _done = new(StringComparer.Ordinal);

    /// <summary>Pods repaired, deleted or labelled so far.</summary>
    public int Repaired { get; private set; }

    /// <summary>How long until <see cref="Retry"/> has something to do; null when nothing waits.</summary>
    public TimeSpan? UntilRetry
    {
        get
        {
            DateTimeOffset? first = _failed.Values.Where(failed => failed.Attempts < AttemptsMax).Min(failed => (DateTimeOffset?)failed.Due);
            return first is { } due ? TimeSpan.FromTicks(Math.Max((due - clock.GetUtcNow()).Ticks, 0)) : null;
        }
    }

    public void Handle(NodePodChange change)
    {
        switch (change)
        {
            case NodePodChange.All all:
                Forget(all.Pods);
                foreach (NodePod pod in all.Pods)
                {
                    See(pod);
                }

                break;
            case NodePodChange.Put put:
                See(put.Pod);
                break;
            case NodePodChange.Gone gone:
                _done.Remove(gone.Pod.Uid);
                _failed.Remove(gone.Pod.Uid);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>Tries again what failed and whose pause is over.</summary>
    public void Retry()
    {
        DateTimeOffset now = clock.GetUtcNow();
        foreach (Failed failed in _failed.Values.Where(failed => failed.Attempts < AttemptsMax && failed.Due <= now).ToList())
        {
            Try(failed.Pod);
        }
    }

    private void See(NodePod pod)
    {
        if (options.Mode == RepairMode.None || _done.Contains(pod.Uid))
        {
            return;
        }

        if (!BrokenPods.IsBroken(pod, options))
        {
            _failed.Remove(pod.Uid);
        }
        else if (_failed.TryGetValue(pod.Uid, out Failed? failed))
        {
            _failed[pod.Uid] = failed with { Pod = pod };
        }
        else
        {
            Try(pod);
        }
    }

    private void Forget(IReadOnlyList<NodePod> present)
    {
        var uids = present.Select(pod => pod.Uid).ToHashSet(StringComparer.Ordinal);
        _done.IntersectWith(uids);
        foreach (string gone in _failed.Keys.Where(uid => !uids.Contains(uid)).ToList())
        {
            _failed.Remove(gone);
        }
    }

    private void Try(NodePod pod)
    {
        int attempt = (_failed.GetValueOrDefault(pod.Uid)?.Attempts ?? 0) + 1;
        try
        {
            switch (options.Mode)
            {
                case RepairMode.Repair:
                    Capture(pod);
                    break;
                case RepairMode.Delete:
                    pods.Delete(pod);
                    pods.Tell(pod, DeleteReason, "pod detected as broken, deleted");
                    log.WriteLine($"info: pod '{pod}' started before its rules and is deleted.");
                    break;
                default:
                    Label(pod);
                    break;
            }

            _failed.Remove(pod.Uid);
            _done.Add(pod.Uid);
            Repaired++;
        }
        catch (Exception e) when (e is CaptureException or PodLookupException)
        {
            _failed[pod.Uid] = new Failed(pod, attempt, clock.GetUtcNow() + (s_firstPause * Math.Pow(2, attempt - 1)));
            TellFailure(pod, e.Message);
            string next = attempt < AttemptsMax ? "It will be tried again." : $"It was tried {AttemptsMax} times; delete the pod by hand.";
            log.WriteLine($"warning: pod '{pod}' started before its rules and cannot be repaired: {e.Message} {next}");
        }
    }

    private void Capture(NodePod pod)
    {
        string space = namespaces.Find(pod.Ip) ?? throw new CaptureException(
            $"No process on this node has the pod's address '{pod.Ip}'.");
        apply(PodOptions.Read(pod.Facts, space, options.NativeNftables, log));
        log.WriteLine($"info: pod '{pod}' started before its rules; they are set now.");
    }

    private void Label(NodePod pod)
    {
        if (pod.Facts.Labels.ContainsKey(options.LabelKey))
        {
            return;
        }

        pods.Label(pod, options.LabelKey, options.LabelValue);
        pods.Tell(pod, LabelReason, "pod detected as broken, labeled");
        log.WriteLine($"info: pod '{pod}' started before its rules and has the label '{options.LabelKey}' now.");
    }

    private void TellFailure(NodePod pod, string message)
    {
        if (options.Mode == RepairMode.Delete)
        {
            pods.Tell(pod, DeleteReason, $"pod detected as broken, but failed to delete: {message}");
        }
        else if (options.Mode == RepairMode.Label)
        {
            pods.Tell(pod, LabelReason, $"pod detected as broken, but failed to label: {message}");
        }
    }

    /// <param name="Pod">As it was seen last.</param>
    /// <param name="Attempts">So far.</param>
    /// <param name="Due">When the next may come.</param>
    private sealed record Failed(NodePod Pod, int Attempts, DateTimeOffset Due);
}
