using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Injection;
using Pilotfish.ControlPlane.Sources.Objects;

namespace Pilotfish.ControlPlane.Tests.Injection;

public sealed class NativeSidecarNodesTests
{
    [Theory]
    [InlineData("forced on", "true", "a=v1.20.0", "", true)]
    [InlineData("forced off", "false", "a=v1.40.0", "", false)]
    [InlineData("all are new", null, "a=v1.33.0 b=v1.34.1-gke.1", "", true)]
    [InlineData("one is old", "auto", "a=v1.33.0 b=v1.32.9", "", false)]
    [InlineData("its node is new", "auto", "a=v1.33.0 b=v1.32.9", "a", true)]
    [InlineData("its node is old", "auto", "a=v1.33.0 b=v1.32.9", "b", false)]
    [InlineData("its node is unknown", "auto", "a=v1.33.0", "c", true)]
    [InlineData("no node is known", "auto", "", "", false)]
    [InlineData("minor with a plus", "auto", "a=1.33+", "", true)]
    [InlineData("unreadable", "auto", "a=latest", "", false)]
    [InlineData("not reported", "auto", "a=", "", false)]
    public void Decide_BySettingThenNodes(string because, string? setting, string nodes, string node, bool native)
    {
        Dictionary<string, string> versions = nodes.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);

        Assert.True(native == NativeSidecarNodes.Decide(setting, versions, node), because);
    }

    [Fact]
    public void Node_FromAManifest_HasItsVersion()
    {
        ReadObjects read = new ObjectReader("cluster.local").Read(
            "{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {nodeInfo: {kubeletVersion: v1.33.1}}}"u8, "nodes.yaml");

        ConfigObject node = Assert.Single(read.Objects);
        Assert.Equal(("n1", "v1.33.1"), (node.Key.Name, node.As<KubernetesNode>().KubeletVersion));
    }
}
