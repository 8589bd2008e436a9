using Pilotfish.Capture.Cni.Repair;

namespace Pilotfish.Capture.Tests.Cni.Repair;

public sealed class BrokenPodsTests
{
    private static readonly ContainerEnd s_notCaptured = new(126, "Error", "");

    public static TheoryData<string, bool> Histories => new()
    {
        { "never ended", false },
        { "failed once, waits for its next start", true },
        { "failed twice", true },
        { "failed, then passed", false },
        { "failed, then completed", false },
        { "first failure", false },
        { "other code", false },
        { "other container", false },
        { "no sidecar", false },
        { "right message", true },
        { "wrong message", false },
    };

    [Theory]
    [MemberData(nameof(Histories))]
    public void Pod_IsBroken_ByTheLastEndOfItsValidation(string history, bool isBroken)
    {
        var options = new RepairOptions();
        (ContainerEnd? now, ContainerEnd? before) = history switch
        {
            "never ended" => (null, null),
            "failed twice" => (s_notCaptured, s_notCaptured),
            "failed, then passed" => (new ContainerEnd(0, "", ""), s_notCaptured),
            "failed, then completed" => (new ContainerEnd(1, "Completed", ""), s_notCaptured),
            "first failure" => (s_notCaptured, null),
            "other code" => (null, s_notCaptured with { ExitCode = 1 }),
            "right message" => (null, s_notCaptured with { Message = " not captured\n" }),
            _ => ((ContainerEnd?)null, (ContainerEnd?)s_notCaptured),
        };
        if (history.EndsWith("message", StringComparison.Ordinal))
        {
            options = options with { InitMessage = "not captured" };
        }

        NodePod pod = FakeNode.Broken() with
        {
            InitContainers = [new InitContainerStatus(history == "other container" ? "istio-init" : "istio-validation", now, before)],
        };
        if (history == "no sidecar")
        {
            pod = pod with { Facts = pod.Facts with { Annotations = new Dictionary<string, string>() } };
        }

        Assert.Equal(isBroken, BrokenPods.IsBroken(pod, options));
    }

    [Fact]
    public void Filters_ThatAreEmpty_MatchAnything()
    {
        var anything = new RepairOptions { SidecarAnnotation = "", InitContainerName = "", InitExitCode = 0 };
        NodePod pod = FakeNode.Broken() with
        {
            InitContainers = [new InitContainerStatus("mine", null, new ContainerEnd(3, "", ""))],
            Facts = new(),
        };

        Assert.True(BrokenPods.IsBroken(pod, anything));
        Assert.False(BrokenPods.IsBroken(pod, new RepairOptions()));
    }
}
