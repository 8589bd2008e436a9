using System.Diagnostics;
using Pilotfish.Local.State;
using Pilotfish.Testing;

namespace Pilotfish.Local.Tests.Mesh;

public sealed class LocalMeshTests
{
    private static readonly string s_client = Manifest.Pod("client", "sleep infinity & wait");

    [Fact]
    public async Task Service_CalledByName_ReachesEveryReplica()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Deployment("web", 2) + s_client);

        string[] answers = mesh.Exec("client", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do curl -s http://web/; done")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(16, answers.Length);
        Assert.Equal(2, answers.Distinct().Count());
        Assert.All(answers, answer => Assert.StartsWith("web-", answer, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Service_CalledByItsOwnPod_Answers()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Deployment("web", 1));

        Assert.StartsWith("web-", mesh.Exec("web", "curl -s -m 3 http://web.default.svc.cluster.local/"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Service_WithoutPods_IsRefusedAtOnce()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Deployment("web", 0) + s_client);
        const int curlCouldNotConnect = 7;

        string exit = mesh.Exec("client", "curl -s -m 5 http://web/; echo $?");

        Assert.Equal($"{curlCouldNotConnect}\n", exit);
    }

    [Fact]
    public async Task Pod_SeesItsOwnNameFilesAndUser()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Pod(
            "facts", "sleep infinity", containerExtra: """
            env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}, {name: GREETING, value: "it's $(IP) \"quoted\""}]
                securityContext: {runAsUser: 1234, runAsGroup: 2345, readOnlyRootFilesystem: true}
            """));
        PodDescription pod = (await mesh.UntilAsync(_ => true)).Pods.Single();

        Assert.Equal("facts\n", mesh.Exec("facts", "hostname"));
        Assert.Equal("1234 2345\n", mesh.Exec("facts", "echo $(id -u) $(id -g)"));
        Assert.Equal($"it's {pod.Address} \"quoted\"\n", mesh.Exec("facts", "echo \"$GREETING\""));
        Assert.Contains($"{pod.Address}\tfacts", mesh.Exec("facts", "cat /etc/hosts"), StringComparison.Ordinal);
        Assert.Contains("search default.svc.cluster.local", mesh.Exec("facts", "cat /etc/resolv.conf"), StringComparison.Ordinal);
        Assert.Contains("Read-only", mesh.Exec("facts", "touch /x"), StringComparison.Ordinal);
        Assert.Equal("mesh.yaml\n", mesh.Exec("facts", "ls /mesh"));
        Assert.DoesNotContain("up", mesh.Exec("facts", "cat /proc/[0-9]*/comm | sort -u | grep -x pilotfish || echo none"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Volumes_OneInsideAReadOnlyOther_BothAppear()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {key: value}\n---\n" + Manifest.Pod(
                "nested", "sleep infinity",
                "volumes: [{name: outer, configMap: {name: m}}, {name: inner, emptyDir: {}}]",
                "volumeMounts: [{name: inner, mountPath: /var/run/data/inner}, {name: outer, mountPath: /var/run/data}]"));

        Assert.Equal("value", mesh.Exec("nested", "cat /run/data/key"));
        Assert.Equal("ok\n", mesh.Exec("nested", "touch /run/data/inner/x && echo ok"));
        Assert.Contains("Read-only", mesh.Exec("nested", "touch /run/data/x"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Container_WritesToItsRoot_MachineStaysAsItIs()
    {
        string mark = "/etc/pilotfish-test-" + Guid.NewGuid().ToString("N");
        await using RunningMesh mesh = await RunningMesh.StartAsync(
            Manifest.Pod("writer", $"echo x >{mark}; cat {mark}; sleep infinity"));
        await mesh.UntilAsync(_ => mesh.Log("writer", "app").Contains('x', StringComparison.Ordinal));

        Assert.False(File.Exists(mark));
    }

    [Fact]
    public async Task InitContainers_RunInOrderAndSidecarStaysBesideApp()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Pod(
            "ordered", "echo app >>/shared/order; sleep infinity & wait", """
            volumes: [{name: shared, emptyDir: {}}]
              initContainers:
              - {name: first, command: [sh, -c, "sleep 0.2; echo first >>/shared/order"], volumeMounts: [{name: shared, mountPath: /shared}]}
              - name: side
                restartPolicy: Always
                command: [sh, -c, "sleep 0.3; echo side >>/shared/order; sleep infinity & wait"]
                startupProbe: {exec: {command: [grep, -q, side, /shared/order]}, periodSeconds: 1}
                volumeMounts: [{name: shared, mountPath: /shared}]
              - {name: last, command: [sh, -c, "echo last >>/shared/order"], volumeMounts: [{name: shared, mountPath: /shared}]}
            """, "volumeMounts: [{name: shared, mountPath: /shared}]"));

        string order = await UntilExecAsync(mesh, "ordered", "cat /shared/order", text => text.Contains("app", StringComparison.Ordinal));

        Assert.Equal("first\nside\nlast\napp\n", order);
        Assert.Equal("Running", (await mesh.UntilAsync(_ => true)).Pods[0].Containers.Single(c => c.Name == "side").Phase);
    }

    [Fact]
    public async Task Container_Crashes_IsRestartedWithBackOff()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Pod("crash", "exit 3"), waitUntilUp: false);

        MeshDescription state = await mesh.UntilAsync(d => d.Pods.Any(p => p.Containers.Any(c => c.Restarts >= 2)));

        Assert.Contains(mesh.Reports, r => r.Contains("ended with exit code 3", StringComparison.Ordinal));
        Assert.Equal("BackOff", state.Pods[0].Containers[0].Phase);
    }

    [Fact]
    public async Task Liveness_Fails_RestartsContainer()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Pod(
            "sick", "sleep infinity", containerExtra: "livenessProbe: {exec: {command: [\"false\"]}, periodSeconds: 1, failureThreshold: 1}"));

        await mesh.UntilReportAsync("is not alive");
        await mesh.UntilAsync(d => d.Pods[0].Containers[0].Restarts > 0);
    }

    [Fact]
    public async Task Stop_RunsHookThenSignalsThenKills()
    {
        string folder = Directory.CreateTempSubdirectory("pilotfish-stop-").FullName;
        RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Pod(
            "slow", "trap 'echo term >>/out/log' TERM; while :; do sleep 0.1; done",
            $"volumes: [{{name: out, hostPath: {{path: {folder}}}}}]",
            """
            volumeMounts: [{name: out, mountPath: /out}]
                lifecycle: {preStop: {exec: {command: [sh, -c, "echo hook >>/out/log"]}}}
            """));

        await mesh.DisposeAsync();

        Assert.Equal("hook\nterm\n", File.ReadAllText(Path.Combine(folder, "log")));
        Assert.Contains(mesh.Reports, r => r.Contains("did not end in time", StringComparison.Ordinal));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Manifest_Changes_PodsFollow()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Deployment("web", 1));

        mesh.Write(Manifest.Deployment("web", 3));
        await mesh.UntilAsync(d => d.Pods.Count(p => p.IsReady) == 3);
        mesh.Write(Manifest.Deployment("other", 1));

        await mesh.UntilAsync(d => d.Pods.Count == 1 && d.Pods[0].Name.StartsWith("other", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Manifest_Breaks_IsReportedWithPlaceAndMeshStays()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Deployment("web", 1));

        mesh.Write("kind: Pod\n  bad: [\n");

        string report = await mesh.UntilReportAsync("mesh.yaml:2:");
        Assert.Matches(@"mesh\.yaml:2:\d+: ", report);
        Assert.True((await mesh.UntilAsync(_ => true)).Pods.Single().IsReady);
    }

    [Fact]
    public async Task Objects_RefusedWhileTheyRun_StayAsTheyWere()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Deployment("web", 1) + s_client);
        string pod = (await mesh.UntilAsync(_ => true)).Pods.First(p => p.Name.StartsWith("web", StringComparison.Ordinal)).Name;

        mesh.Write(Manifest.Deployment("web", -1).Replace("port: 80,", "port: 80000,", StringComparison.Ordinal) + s_client);
        await mesh.UntilReportAsync("'replicas' must be a whole number from 0 to 500.");
        await mesh.UntilReportAsync("'port' must be a whole number from 1 to 65535.");

        Assert.Equal(pod + "\n", mesh.Exec("client", "curl -s -m 5 http://web/"));
    }

    [Fact]
    public async Task Container_WithoutCommand_IsReportedWithPlace()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n  - name: c\n    image: nginx\n", waitUntilUp: false);

        Assert.Contains("mesh.yaml:6:5: ", await mesh.UntilReportAsync("local.pilotfish.io/command.c"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pod_RemovedUnderLoad_NoRequestFails()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Deployment("web", 2) + s_client);
        Task<string> load = Task.Run(() => mesh.Exec(
            "client", "i=0; while [ $i -lt 250 ]; do curl -s -o /dev/null -m 5 -w '%{http_code}\\n' http://web/; i=$((i+1)); done | sort | uniq -c"));

        mesh.Write(Manifest.Deployment("web", 1) + s_client);
        await mesh.UntilAsync(d => d.Pods.Count == 2);

        Assert.Equal("250 200", (await load).Trim());
    }

    [Fact]
    public async Task Mesh_Stopped_LeavesNoTrace()
    {
        RunningMesh mesh = await RunningMesh.StartAsync(Manifest.Deployment("web", 1));
        int[] processes = [.. (await mesh.UntilAsync(_ => true)).Pods.SelectMany(p => p.Containers).Select(c => c.Pid)];
        string node = "/run/netns/" + mesh.Folders.NodeNamespace;
        Assert.True(File.Exists(node));

        await mesh.DisposeAsync();

        Assert.False(File.Exists(node));
        Assert.False(Directory.Exists(mesh.Folders.Base));
        Assert.All(processes, pid => Assert.False(Directory.Exists($"/proc/{pid}")));
    }

    [Fact]
    public async Task TwoMeshes_AtOnce_DoNotMeet()
    {
        await using RunningMesh one = await RunningMesh.StartAsync(Manifest.Deployment("web", 1) + s_client);
        await using RunningMesh two = await RunningMesh.StartAsync(Manifest.Deployment("web", 1) + s_client);

        Assert.NotEqual(one.Exec("client", "curl -s http://web/"), two.Exec("client", "curl -s http://web/"));
    }

    private static async Task<string> UntilExecAsync(RunningMesh mesh, string pod, string command, Func<string, bool> done)
    {
        long began = Stopwatch.GetTimestamp();
        string text;
        do
        {
            text = mesh.Exec(pod, command);
            await Task.Yield();
        }
        while (!done(text) && Stopwatch.GetElapsedTime(began) < Patience.Limit);
        return text;
    }
}
