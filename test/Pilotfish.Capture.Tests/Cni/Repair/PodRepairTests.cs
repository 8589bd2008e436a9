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

        repair.Look();
        repair.Look();

        Assert.Equal(["rules in /proc/self/ns/net"], _node.Done);
        Assert.Equal(1, repair.Repaired);
    }

    [Fact]
    public void BrokenPod_NodeWithNftables_GetsRulesOfThatKind()
    {
        _node.Pods.Add(FakeNode.Broken());

        _node.Repair(s_repairing with { NativeNftables = true }).Look();

        Assert.Equal(["rules in /proc/self/ns/net by nft"], _node.Done);
    }

    [Fact]
    public void BrokenPod_Deleting_IsDeletedAsItWasSeen()
    {
        _node.Pods.Add(FakeNode.Broken());

        _node.Repair(new RepairOptions { Mode = RepairMode.Delete }).Look();

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

        _node.Repair(new RepairOptions { Mode = RepairMode.Label }).Look();

        Assert.Equal(
            ["label shop/web-0 cni.istio.io/uninitialized=true", "event LabelBrokenPod: pod detected as broken, labeled"], _node.Done);
    }

    [Fact]
    public void BrokenPod_ThatCannotBeRepaired_IsTriedFiveTimes()
    {
        _node.Pods.Add(FakeNode.Broken());
        _node.ChangeFailures = int.MaxValue;
        PodRepair repair = _node.Repair(new RepairOptions { Mode = RepairMode.Delete });

        for (int look = 0; look < 8; look++)
        {
            repair.Look();
        }

        Assert.Equal(Enumerable.Repeat("event DeleteBrokenPod: pod detected as broken, but failed to delete: It does not work.", 5), _node.Done);
        Assert.Equal(0, repair.Repaired);
        Assert.EndsWith("It was tried 5 times; delete the pod by hand.\n", _node.Log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void BrokenPod_AfterAFailure_IsRepairedAtTheNextLook()
    {
        _node.Pods.Add(FakeNode.Broken());
        _node.Namespace = null;
        PodRepair repair = _node.Repair(s_repairing);

        repair.Look();
        _node.Namespace = "/proc/thread-self/ns/net";
        repair.Look();

        Assert.Equal(["rules in /proc/thread-self/ns/net"], _node.Done);
        Assert.Contains("No process on this node has the pod's address '10.1.0.5'.", _node.Log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void PodOfTheSameName_ThatComesLater_IsAnotherPod()
    {
        _node.Pods.Add(FakeNode.Broken());
        PodRepair repair = _node.Repair(s_repairing);
        repair.Look();

        _node.Pods[0] = FakeNode.Broken("u2");
        repair.Look();

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

        _node.Repair(s_repairing).Look();

        Assert.Empty(_node.Done);
        Assert.Contains("includeOutboundIPRanges", _node.Log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Api_ThatIsAway_IsSaidOnceAndAskedAgain()
    {
        _node.Pods.Add(FakeNode.Broken());
        _node.ListFailures = 3;
        PodRepair repair = _node.Repair(s_repairing);

        for (int look = 0; look < 4; look++)
        {
            repair.Look();
        }

        Assert.Single(_node.Done);
        Assert.Equal(2, _node.Log.ToString().Split("away").Length);
    }

    [Fact]
    public void Mode_None_DoesNotEvenAsk()
    {
        _node.ListFailures = 1;

        _node.Repair(new RepairOptions()).Look();

        Assert.Equal(1, _node.ListFailures);
    }
}
