using Pilotfish.Capture.Cni.Pods;
using Pilotfish.Capture.Cni.Repair;
using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Tests.Cni.Repair;

/// <summary>A node whose pods, API and networks are in the test's hands; it writes down what was done to them.</summary>
internal sealed class FakeNode : INodePods, INetworkNamespaces
{
    /// <summary>What the next watches tell, each then ending by itself; an exception is thrown instead. Without more, everything ends.</summary>
    public Queue<object> Watches { get; } = [];

    /// <summary>The versions that watches were asked to go on from.</summary>
    public List<string> Versions { get; } = [];

    public List<NodePod> Pods { get; } = [];

    public SteppedClock Clock { get; } = new();

    private int _lists;

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
        Clock,
        Log);

    public NodePodList List() => ListFailures-- > 0 ? throw new PodLookupException("The API is away.") : new NodePodList($"list {++_lists}", [.. Pods]);

    public string Watch(string version, Action<NodePodChange> tell, CancellationToken ending)
    {
        Versions.Add(version);
        switch (Watches.TryDequeue(out object? next) ? next : null)
        {
            case Exception failure:
                throw failure;
            case NodePodChange[] changes:
                Array.ForEach(changes, tell);
                break;
            default:
                // Nothing more happens on this node.
                ending.WaitHandle.WaitOne();
                break;
        }

        return $"after {version}";
    }

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
