using System.Diagnostics;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Agent;

/// <summary>
/// A running sidecar builds no protobuf descriptor: they cost megabytes in every pod. The runtime's own list of the methods that it
/// compiled tells; so this is the build's executable, also where a published one is tested.
/// </summary>
public sealed class DescriptorTests : IDisposable
{
    // Every generated descriptor is built by this one method.
    private const string Mark = "Google.Protobuf.Reflection.FileDescriptor:FromGeneratedCode";

    private const string Mesh = """
        apiVersion: v1
        kind: Service
        metadata: {name: web, namespace: default}
        spec: {selector: {app: web}, clusterIP: 10.96.0.5, ports: [{name: http, port: 80}, {name: tcp, port: 90}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: pod, namespace: default, labels: {app: web}}
        spec: {containers: [{name: app, image: app}]}
        status: {podIP: 127.0.0.1, phase: Running, conditions: [{type: Ready, status: "True"}]}
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: web, namespace: default}
        spec:
          hosts: [web]
          http:
          - match: [{headers: {x: {exact: y}}}]
            fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
            route: [{destination: {host: web}}]
          - timeout: 3s
            retries: {attempts: 3, perTryTimeout: 1s}
            route: [{destination: {host: web}}]
        """;

    // A debug build that compiles each method when it is first called, and lists it: seconds alone, minutes on a crowded machine.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);

    private readonly string _folder = Directory.CreateTempSubdirectory("pilotfish-descriptors-").FullName;

    private static string Build { get; } =
        Path.Combine(Executable.Root, "artifacts", "build", "bin", "Pilotfish.Sidecar", "debug", "pilotfish-sidecar");

    private string Methods => Path.Combine(_folder, "methods");

    private string[] Listing => ["DOTNET_TieredPGO=0", "DOTNET_JitDisasmSummary=1", $"DOTNET_JitStdOutFile={Methods}"];

    [Fact]
    public async Task Sidecar_FromStartToReadyAndEnd_BuildsNone()
    {
        Prerequisite.Require(File.Exists(Build), "This test needs the build of Pilotfish.Sidecar; ./test.sh makes it.");
        using TestNamespace network = TestNamespace.Create();
        NetworkNamespaceThread inside = network.Enter();
        File.WriteAllText(Path.Combine(_folder, "mesh.yaml"), Mesh);
        using AgentProcessRun discovery = AgentProcessRun.Discovery(
            network, _folder, "--grpcAddr", "127.0.0.1:15010", "--secureGRPCAddr", "", "--httpsAddr", "");
        using (AgentProcessRun sidecar = AgentProcessRun.Sidecar(
            network, _folder, "localhost:15010", Build,
            [
                .. Listing,
                "ISTIO_METAJSON_LABELS={\"app\":\"web\"}", "ISTIO_METAJSON_OTHER={\"a\":{\"b\":[1,\"x\",null]}}", "ISTIO_META_DNS_CAPTURE=true",
                "PROXY_CONFIG={discoveryAddress: 'localhost:15010', tracing: {zipkin: {address: 'z:9411'}}, terminationDrainDuration: 0s}",
            ]))
        {
            await sidecar.UntilAsync(async () => (await NamespaceHttp.AskAsync(inside, 15021, "/healthz/ready")).Status == 200, "readiness", s_patience);
            Assert.Equal(200, (await NamespaceHttp.AskAsync(inside, 15020, "/stats/prometheus")).Status);
            sidecar.Signal(ProcessSignal.SIGTERM);
            await sidecar.UntilExitAsync();
            Assert.Equal(0, sidecar.ExitCode);
        }

        string[] built = [.. File.ReadLines(Methods).Where(static line => line.Contains("Reflection:.cctor", StringComparison.Ordinal))];
        Assert.True(!File.ReadAllText(Methods).Contains(Mark, StringComparison.Ordinal), string.Join('\n', built));
    }

    // What the test above looks for is there to be found: a bootstrap in YAML is read by descriptors.
    [Fact]
    public async Task Bootstrap_InYaml_BuildsThem()
    {
        Prerequisite.Require(File.Exists(Build), "This test needs the build of Pilotfish.Sidecar; ./test.sh makes it.");
        var start = new ProcessStartInfo("env", [.. Listing, Build, "serve", "--mode", "validate", "--config-yaml", "node: {id: a, cluster: b}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await error);
        Assert.Contains(Mark, File.ReadAllText(Methods), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
