using Pilotfish.ControlPlane.Injection.KubeInject;

namespace Pilotfish.ControlPlane.Tests.Injection.Load;

[Collection(LoadCollection.Name)]
public sealed class LargeListTests
{
    private const int Pods = 10_000;

    /// <summary>The promise of docs/injection.md. Processor time, because a shared machine stretches any other.</summary>
    private static readonly TimeSpan s_timeMax = TimeSpan.FromSeconds(30);

    /// <summary>The list's own tree is held, about 45 MB; its output, ten times as large, never is.</summary>
    private const long LiveBytesMax = 96L * 1024 * 1024;

    [Fact]
    public void ListOfTenThousandPods_IsStreamedWithinItsBounds()
    {
        // As kubectl prints it: what it is comes last.
        string text = "apiVersion: v1\nitems:\n" + string.Concat(Enumerable.Range(0, Pods).Select(PodItem))
            + "kind: List\nmetadata:\n  resourceVersion: \"\"\n";
        using var output = new MeasuringWriter();
        using var errors = new StringWriter();
        long before = GC.GetTotalMemory(forceFullCollection: true);
        TimeSpan start = Environment.CpuUsage.TotalTime;

        int exitCode = KubeInjectCommand.Run(
            new KubeInjectOptions { InputFile = "-" }, _ => null, new StringReader(text), output, errors);

        TimeSpan took = Environment.CpuUsage.TotalTime - start;
        long live = output.LiveBytesMax - before;
        TestContext.Current.TestOutputHelper!.WriteLine($"{took.TotalSeconds:0.0} s, {live / 1048576.0:0.0} MB live at most");
        Assert.Equal((0, ""), (exitCode, errors.ToString()));
        Assert.Equal(Pods, output.Sidecars);
        Assert.InRange(took, TimeSpan.Zero, s_timeMax);
        Assert.InRange(live, 0, LiveBytesMax);
    }

    private static string PodItem(int number) => $"""
        - apiVersion: v1
          kind: Pod
          metadata:
            name: web-{number}
            namespace: shop
            labels:
              app: web
              version: v1
          spec:
            # what runs
            containers:
            - name: web
              image: registry.example/web:1
              ports:
              - containerPort: 8080
              readinessProbe:
                httpGet:
                  path: /ready
                  port: 8080

        """;
}
