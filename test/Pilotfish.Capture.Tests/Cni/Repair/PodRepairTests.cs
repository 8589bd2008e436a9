using Pilotfish.Capture.Cni.Repair;

namespace Pilotfish.Capture.Tests.Cni.Repair;

public sealed class PodRepairTests
{
    private static readonly RepairOptions s_repairing = new() { Mode = RepairMode.Repair };

    private readonly FakeNode _node = new();

    [Fact]
    public void BrokenPod_Repairing_GetsItsRulesOnce()
    {
        _node.Pods.Add(FakeNode.Broken());
        PodRepair repair = _node.Repair(s_repairing);

        repair.Handle(Seen());
        repair.Handle(Seen());

        Assert.Equal(["rules in /proc/self/ns/net"], _node.Done);
        Assert.Equal(1, repair.Repaired);
    }

    [Fact]
    public void BrokenPod_NodeWithNftables_GetsRulesOfThatKind()
    {
        _node.Pods.Add(FakeNode.Broken());

        _node.Repair(s_repairing with { NativeNftables = true }).Handle(Seen());

        Assert.Equal(["rules in /proc/self/ns/net by nft"], _node.Done);
    }

    [Fact]
    public void BrokenPod_Deleting_IsDeletedAsItWasSeen()
    {
        _node.Pods.Add(FakeNode.Broken());

        _node.Repair(new RepairOptions { Mode = RepairMode.Delete }).Handle(Seen());

        Assert.Equal(["delete shop/web-0 u1@9", "event DeleteBrokenPod: pod detected as broken, deleted"], _node.Done);
    }

    [Fact]
    public void BrokenPod_Labelling_GetsTheLabelUnlessItHasOne()
    {
        NodePod labelled = FakeNode.Broken("u2");
        labelled = labelled with
        {
            Facts = labelled.Facts with { Labels = new Dictionary<string, string> { ["cni.istio.io/uninitialized"] = "no" } },
        };
        _node.Pods.AddRange([FakeNode.Broken(), labelled]);

        _node.Repair(new RepairOptions { Mode = RepairMode.Label }).Handle(Seen());

        Assert.Equal(
            ["label shop/web-0 cni.istio.io/uninitialized=true", "event LabelBrokenPod: pod detected as broken, labeled"], _node.Done);
    }

    [Fact]
    public void BrokenPod_ThatCannotBeRepaired_IsTriedFiveTimes()
    {
        _node.Pods.Add(FakeNode.Broken());
        _node.ChangeFailures = int.MaxValue;
        PodRepair repair = _node.Repair(new RepairOptions { Mode = RepairMode.Delete });

        repair.Handle(Seen());
        var pauses = new List<double>();
        while (repair.UntilRetry is { } pause)
        {
            pauses.Add(pause.TotalSeconds);
            _node.Clock.Advance(pause);
            repair.Handle(Seen());
            repair.Retry();
        }

        Assert.Equal([2, 4, 8, 16], pauses);
        Assert.Equal(Enumerable.Repeat("event DeleteBrokenPod: pod detected as broken, but failed to delete: It does not work.", 5), _node.Done);
        Assert.Equal(0, repair.Repaired);
        Assert.EndsWith("It was tried 5 times; delete the pod by hand.\n", _node.Log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void BrokenPod_AfterAFailure_IsTriedAgainAfterAPause()
    {
        _node.Pods.Add(FakeNode.Broken());
        _node.Namespace = null;
        PodRepair repair = _node.Repair(s_repairing);

        repair.Handle(Seen());
        _node.Namespace = "/proc/thread-self/ns/net";
        repair.Handle(new NodePodChange.Put(_node.Pods[0]));
        repair.Retry();
        Assert.Empty(_node.Done);

        _node.Clock.Advance(repair.UntilRetry!.Value);
        repair.Retry();

        Assert.Equal(["rules in /proc/thread-self/ns/net"], _node.Done);
        Assert.Contains("No process on this node has the pod's address '10.1.0.5'.", _node.Log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void PodOfTheSameName_ThatComesLater_IsAnotherPod()
    {
        _node.Pods.Add(FakeNode.Broken());
        PodRepair repair = _node.Repair(s_repairing);
        repair.Handle(Seen());

        _node.Pods[0] = FakeNode.Broken("u2");
        repair.Handle(Seen());

        Assert.Equal(2, _node.Done.Count);
    }

    [Fact]
    public void HostileAnnotation_SetsNoRule()
    {
        NodePod pod = FakeNode.Broken();
        _node.Pods.Add(pod with
        {
            Facts = pod.Facts with
            {
                Annotations = new Dictionary<string, string>(pod.Facts.Annotations) { ["traffic.sidecar.istio.io/includeOutboundIPRanges"] = "$(x)" },
            },
        });

        _node.Repair(s_repairing).Handle(Seen());

        Assert.Empty(_node.Done);
        Assert.Contains("includeOutboundIPRanges", _node.Log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void BrokenPod_ThatPassesByItself_IsNotTriedAgain()
    {
        _node.Namespace = null;
        PodRepair repair = _node.Repair(s_repairing);
        repair.Handle(new NodePodChange.Put(FakeNode.Broken()));

        repair.Handle(new NodePodChange.Put(FakeNode.Broken() with { InitContainers = [] }));

        Assert.Null(repair.UntilRetry);
    }

    [Fact]
    public void BrokenPod_ThatIsGone_IsForgotten()
    {
        _node.Namespace = null;
        PodRepair repair = _node.Repair(s_repairing);
        repair.Handle(new NodePodChange.Put(FakeNode.Broken()));

        repair.Handle(new NodePodChange.Gone(FakeNode.Broken()));

        Assert.Null(repair.UntilRetry);
    }

    [Fact]
    public void Mode_None_DoesNothing()
    {
        _node.Pods.Add(FakeNode.Broken());

        _node.Repair(new RepairOptions()).Handle(Seen());

        Assert.Empty(_node.Done);
    }

    private NodePodChange.All Seen() => new([.. _node.Pods]);
}
