using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Cni;

/// <summary>The plugin's own process, called with environment and standard input as a container runtime calls it.</summary>
public sealed class CniPluginTests : IDisposable
{
    private const string Pod = """
        {"metadata": {"annotations": {"sidecar.istio.io/status": "{}"}},
         "spec": {"containers": [{"name": "app"}, {"name": "istio-proxy", "args": ["proxy", "sidecar"]}]}}
        """;

    private readonly string _runDir = Directory.CreateTempSubdirectory("pilotfish-cni-").FullName;

    public void Dispose() => Directory.Delete(_runDir, recursive: true);

    [Fact]
    public async Task Add_ForANamespace_SetsRulesAndPassesTheResultOn()
    {
        using TestNamespace pod = TestNamespace.Create();
        using TestNamespace node = TestNamespace.Create();
        TestNamespace.Join(pod, ["10.98.0.2/24"], node, ["10.98.0.1/24"]);
        using var api = new TcpListener(IPAddress.Loopback, 0);
        api.Start();
        _ = AnswerAsync(api);
        WriteKubeconfig(((IPEndPoint)api.LocalEndpoint).Port);
        Dictionary<string, string> environment = new()
        {
            ["CNI_COMMAND"] = "ADD",
            ["CNI_CONTAINERID"] = "c0ffee",
            ["CNI_NETNS"] = pod.Path,
            ["CNI_IFNAME"] = "eth0",
            ["CNI_PATH"] = "/opt/cni/bin",
            ["CNI_ARGS"] = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0",
        };

        (int exitCode, string output, string error) = await CallAsync(environment);

        Assert.True(exitCode == 0, error + output);
        using JsonDocument result = JsonDocument.Parse(output);
        Assert.Equal("10.98.0.2/24", result.RootElement.GetProperty("ips")[0].GetProperty("address").GetString());
        string rules = pod.Run("iptables-save");
        Assert.Contains("-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006", rules, StringComparison.Ordinal);
        Assert.DoesNotContain("ISTIO", node.Run("iptables-save"), StringComparison.Ordinal);

        environment["CNI_COMMAND"] = "DEL";
        Assert.Equal(0, (await CallAsync(environment)).ExitCode);
    }

    private async Task<(int ExitCode, string Output, string Error)> CallAsync(Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(Executable.Path, ["cni"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        CancellationToken cancel = TestContext.Current.CancellationToken;
        await process.StandardInput.WriteAsync($$$"""
            {"cniVersion": "0.3.1", "name": "k8s-pod-network", "type": "istio-cni", "cni_agent_run_dir": "{{{_runDir}}}",
             "prevResult": {"cniVersion": "0.3.1", "ips": [{"version": "4", "address": "10.98.0.2/24"}]}}
            """);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancel);
        Task<string> error = process.StandardError.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel);
        return (process.ExitCode, await output, await error);
    }

    private void WriteKubeconfig(int port) => File.WriteAllText(Path.Combine(_runDir, "istio-cni-kubeconfig"), $$$"""
        clusters: [{name: c, cluster: {server: 'http://127.0.0.1:{{{port}}}'}}]
        contexts: [{name: x, context: {cluster: c}}]
        current-context: x
        """);

    private static async Task AnswerAsync(TcpListener api)
    {
        try
        {
            while (true)
            {
                using TcpClient client = await api.AcceptTcpClientAsync();
                byte[] asked = new byte[8192];
                await client.GetStream().ReadAtLeastAsync(asked, 1);
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                    $"HTTP/1.1 200 OK\r\ncontent-length: {Pod.Length}\r\nconnection: close\r\n\r\n{Pod}"));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
