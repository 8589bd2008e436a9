using Pilotfish.Capture.Cni.Pods;
using Pilotfish.Capture.Cni.Repair;
using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Tests.Cni.Repair;

/// <summary>A node whose pods, API and networks are in the test's hands; it writes down what was done to them.</summary>
internal sealed class FakeNode : INodePods, INetworkNamespaces
{
    public List<NodePod> Pods { get; } = [];

    public List<string> Done { get; } = [];

    /// <summary>The next of these fail.</summary>
    public int ListFailures { get; set; }

    public int ChangeFailures { get; set; }

    public string? Namespace { get; set; } = "/proc/self/ns/net";

    public StringWriter Log { get; } = new() { NewLine = "\n" };

    public static NodePod Broken(string uid = "u1") => new()
    {
        Namespace = "shop",
        Name = "web-0",
        Uid = uid,
        ResourceVersion = "9",
        Ip = "10.1.0.5",
        Facts = CniCall.Injected(),
        InitContainers = [new InitContainerStatus("istio-validation", null, new ContainerEnd(126, "Error", ""))],
    };

    public PodRepair Repair(RepairOptions options) => new(
        options,
        this,
        this,
        rules =>
        {
            Change("rules in " + rules.NetworkNamespace + (rules.NativeNftables ? " by nft" : ""));
        },
        Log);

    public IReadOnlyList<NodePod> List() => ListFailures-- > 0 ? throw new PodLookupException("The API is away.") : [.. Pods];

    public void Delete(NodePod pod) => Change($"delete {pod} {pod.Uid}@{pod.ResourceVersion}");

    public void Label(NodePod pod, string key, string value) => Change($"label {pod} {key}={value}");

    public void Tell(NodePod pod, string reason, string message) => Done.Add($"event {reason}: {message}");

    public string? Find(string podIp) => podIp == "10.1.0.5" ? Namespace : null;

    private void Change(string what)
    {
        if (ChangeFailures-- > 0)
        {
            throw new CaptureException("It does not work.");
        }

        Done.Add(what);
    }
}
