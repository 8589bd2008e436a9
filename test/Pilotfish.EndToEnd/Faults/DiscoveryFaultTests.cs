using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Faults;

public sealed class DiscoveryFaultTests
{

    // A crowded node has no inotify instance left; the limit of a user namespace of its own makes this one such a node.
    [Fact]
    public async Task InotifyInstances_Exhausted_ChangedFilesAreStillSeen()
    {
        Prerequisite.Program("unshare");
        using TestNamespace place = TestNamespace.Create();
        string directory = Directory.CreateTempSubdirectory("pilotfish-inotify-").FullName;
        string script = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$0\" \"$@\"";
        using Process discovery = Process.Start(new ProcessStartInfo("ip",
        [
            "netns", "exec", place.Name, "unshare", "--user", "--map-root-user", "sh", "-c", script, Executable.Path, "discovery",
            "--configDir", directory, "--httpAddr", "127.0.0.1:8080", "--grpcAddr", "127.0.0.1:15010",
            "--secureGRPCAddr", "", "--httpsAddr", "", "--monitoringAddr", "",
        ]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _ = discovery.StandardError.ReadToEndAsync(CancellationToken.None);
        _ = discovery.StandardOutput.ReadToEndAsync(CancellationToken.None);
        try
        {
            NetworkNamespaceThread inside = place.Enter();
            await UntilAsync(inside, "/ready", static _ => true);
            File.WriteAllText(Path.Combine(directory, "service.yaml"), """
                apiVersion: networking.istio.io/v1
                kind: ServiceEntry
                metadata: {name: late, namespace: default}
                spec: {hosts: [late.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE, location: MESH_EXTERNAL}
                """);
            await UntilAsync(inside, "/debug/configz", static text => text.Contains("late.example", StringComparison.Ordinal));
        }
        finally
        {
            discovery.Kill(entireProcessTree: true);
            await discovery.WaitForExitAsync(CancellationToken.None);
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task UntilAsync(NetworkNamespaceThread inside, string path, Func<string, bool> wanted)
    {
        var waited = Stopwatch.StartNew();
        string last = "";
        while (waited.Elapsed < Patience.Limit)
        {
            try
            {
                last = inside.Run(() => Get(path));
                if (last.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal) && wanted(last))
                {
                    return;
                }
            }
            catch (SocketException)
            {
                // Not up yet.
            }

            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.Fail($"'{path}' never showed what was expected; last: {last}");
    }

    // By hand, because a client that connects on a thread of its own would leave the namespace.
    private static string Get(string path)
    {
        using var client = new TcpClient();
        client.Connect(IPAddress.Loopback, 8080);
        using NetworkStream stream = client.GetStream();
        stream.Write(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        return new StreamReader(stream).ReadToEnd();
    }
}
