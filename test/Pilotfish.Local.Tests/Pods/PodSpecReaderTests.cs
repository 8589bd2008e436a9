using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;
using Pilotfish.Local.Mesh;
using Pilotfish.Local.Pods;

namespace Pilotfish.Local.Tests.Pods;

public sealed class PodSpecReaderTests
{
    [Theory]
    [InlineData("image without command", "    image: nginx", "6:5: Container 'c' has no 'command'")]
    [InlineData("unknown port name", "    command: [x]\n    readinessProbe: {tcpSocket: {port: web}}", "8:33: Port 'web'")]
    [InlineData("number out of range", "    command: [x]\n    ports: [{containerPort: 70000}]", "8:29: 'containerPort'")]
    [InlineData("missing volume", "    command: [x]\n    volumeMounts: [{name: v, mountPath: /v}]", "6:5: Container 'c' mounts volume 'v'")]
    [InlineData("climbing path", "    command: [x]\n    volumeMounts: [{name: v, mountPath: /a/../../b}]", "must stay below the root")]
    public void Read_BadContainer_IsRefusedWithItsPlace(string label, string lines, string expected)
    {
        ManifestException e = Assert.Throws<ManifestException>(() => Read(lines));

        Assert.True(e.Message.Contains("f.yaml:", StringComparison.Ordinal) && e.Message.Contains(expected, StringComparison.Ordinal), $"{label}: {e.Message}");
    }

    [Fact]
    public void Read_OwnImage_RunsTheAgent() =>
        Assert.Equal(
            [ContainerReader.AgentPath, "proxy", "sidecar"],
            Read("    image: docker.io/istio/proxyv2:1.30\n    args: [proxy, sidecar]").Containers[0].Command);

    [Theory]
    [InlineData("runs as the proxy's user", "    command: [x]\n    securityContext: {runAsUser: 1337}", "user or group 1337")]
    [InlineData("listens on the proxy's port", "    command: [x]\n    ports: [{containerPort: 15006}]", "port 15006")]
    public void Warnings_AppThatDefeatsItsSidecar_IsNamed(string label, string lines, string expected)
    {
        string warning = Assert.Single(PodWarnings.Of(Read(lines + "\n  - name: istio-proxy\n    image: proxyv2")));

        Assert.True(warning.Contains(expected, StringComparison.Ordinal), label);
    }

    private static PodSpec Read(string containerLines)
    {
        string text = $"apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - name: c\n{containerLines}\n";
        return PodSpecReader.Read((YamlMapping)YamlDocuments.Parse(text, "f.yaml").Documents[0], "uid");
    }
}
