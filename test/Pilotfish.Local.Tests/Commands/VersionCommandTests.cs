using Pilotfish.Agent.Commands;
using Pilotfish.Local.Commands;

namespace Pilotfish.Local.Tests.Commands;

public sealed class VersionCommandTests
{
    [Fact]
    public void Proxies_AreThoseThatTheControlPlaneServes()
    {
        const string Page = """
            [{"cluster_id": "Kubernetes", "proxy": "web-1.default", "proxy_type": "sidecar", "istio_version": "1.29.0", "current": true},
             {"proxy": "gw.istio-system", "proxy_type": "router", "istio_version": "1.8.1"}]
            """;

        Assert.Equal(
            [new ProxyVersion("web-1.default", "1.29.0", "sidecar"), new ProxyVersion("gw.istio-system", "1.8.1", "router")],
            VersionCommand.Proxies(Page));
        Assert.Empty(VersionCommand.Proxies("[]"));
    }

    [Fact]
    public async Task Mesh_ThatDoesNotRun_IsAnErrorAfterThisProgramsVersion()
    {
        var (exit, output, error) = await RunAsync("/proc", isRemote: true, "");

        Assert.Equal(1, exit);
        Assert.StartsWith("client version: ", output, StringComparison.Ordinal);
        Assert.Contains("No mesh of '/proc' is running", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("json", 0)]
    [InlineData("toml", 1)]
    public async Task OwnVersion_NeedsNoMesh(string format, int expected)
    {
        var (exit, _, _) = await RunAsync("/nowhere", isRemote: false, format);

        Assert.Equal(expected, exit);
    }

    private static async Task<(int Exit, string Output, string Error)> RunAsync(string mesh, bool isRemote, string format)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        int exit = await VersionCommand.RunAsync(mesh, isRemote, isShort: true, format, output, error);
        return (exit, output.ToString(), error.ToString());
    }
}
