using Pilotfish.Capture.Cni.Pods;
using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Cni.Repair;

/// <summary>
/// Repairs pods that started before their node could capture them. Each look lists the node's pods; what was done is remembered by
/// the pod's uid, because a repaired pod keeps looking broken until the kubelet has tried again. For one thread.
/// </summary>
internal sealed class PodRepair(
    RepairOptions options, INodePods pods, INetworkNamespaces namespaces, Action<IptablesOptions> apply, TextWriter log)
{
    /// <summary>Tries for one pod. What fails five times fails for a reason that a person has to see.</summary>
    private const int AttemptsMax = 5;

    private const string DeleteReason = "DeleteBrokenPod";
    private const string LabelReason = "LabelBrokenPod";

    private readonly Dictionary<string, int> _attempts = new(StringComparer.Ordinal);
    private readonly HashSet<string> _done = new(StringComparer.Ordinal);
    private bool _isAway;

    /// <summary>Pods repaired, deleted or labelled so far.</summary>
    public int Repaired { get; private set; }

    /// <summary>Looks once at all pods of the node.</summary>
    public void Look()
    {
        if (options.Mode == RepairMode.None || List() is not { } present)
        {
            return;
        }

        Forget(present);
        foreach (NodePod pod in present)
        {
            if (BrokenPods.IsBroken(pod, options) && !_done.Contains(pod.Uid)
                && _attempts.GetValueOrDefault(pod.Uid) < AttemptsMax)
            {
                Try(pod);
            }
        }
    }

    private IReadOnlyList<NodePod>? List()
    {
        try
        {
            IReadOnlyList<NodePod> present = pods.List();
            _isAway = false;
            return present;
        }
        catch (PodLookupException e)
        {
            // Said once, not at every look: the API may be away for an hour.
            if (!_isAway)
            {
                log.WriteLine($"warning: pods cannot be looked at for repair: {e.Message}");
            }

            _isAway = true;
            return null;
        }
    }

    private void Forget(IReadOnlyList<NodePod> present)
    {
        var uids = present.Select(pod => pod.Uid).ToHashSet(StringComparer.Ordinal);
        _done.IntersectWith(uids);
        foreach (string gone in _attempts.Keys.Where(uid => !uids.Contains(uid)).ToList())
        {
            _attempts.Remove(gone);
        }
    }

    private void Try(NodePod pod)
    {
        int attempt = _attempts[pod.Uid] = _attempts.GetValueOrDefault(pod.Uid) + 1;
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

            _done.Add(pod.Uid);
            Repaired++;
        }
        catch (Exception e) when (e is CaptureException or PodLookupException)
        {
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
}
