using Pilotfish.ControlPlane.Injection.KubeInject;

namespace Pilotfish.ControlPlane.Tests.Injection.Load;

[Collection(LoadCollection.Name)]
public sealed class LargeListTests
{
    private const int WarmUpPods = 100;

    /// <summary>The promise of docs/injection.md. Processor time, because a shared machine stretches any other.</summary>
    private static readonly TimeSpan s_timeMax = TimeSpan.FromSeconds(30);

    /// <summary>A warm injector and its buffers. The text of the list would be 10 MB alone, its tree 45 MB, its output 60 MB.</summary>
    private const long LiveBytesMax = 8L * 1024 * 1024;

    /// <summary>What more pods may add by the middle of the list: less than 130 bytes each where there are 2,000 more by then.</summary>
    private const long GrowthBytesMax = 256L * 1024;

    /// <summary>As kubectl prints lists, what they are comes last.</summary>
    [Fact]
    public void List_OfTenThousandPods_IsInjectedWithinItsBounds() =>
        Measure("name: istio-proxy\n", 2000, 10_000, "apiVersion: v1\nitems:\n", YamlPod, "\n", "kind: List\nmetadata:\n  resourceVersion: \"\"\n");

    /// <summary>Items that are not injected cost less time and are read the same way.</summary>
    [Theory]
    [InlineData("apiVersion: v1\nkind: List\nitems:\n", YamlService, "\n", "")]
    [InlineData("{\n\"apiVersion\": \"v1\", \"items\": [", JsonService, ",\n", "], \"kind\": \"List\"}\n")]
    [InlineData("{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[", JsonService, ",", "]}")]
    public void List_InAnyForm_IsStreamedHoweverLongItIs(string head, string item, string separator, string tail) =>
        Measure("kind: Service\n", 2000, 6000, head, item, separator, tail);

    private static void Measure(string marker, int fewer, int more, string head, string item, string separator, string tail)
    {
        (long Most, long Held) LiveBytes(int count) => Inject(
            marker, count, new GeneratedText(head, i => (i == 0 ? "" : separator) + Numbered(item, i), tail, count));
        LiveBytes(WarmUpPods);

        long few = LiveBytes(fewer).Held;
        TimeSpan before = Environment.CpuUsage.TotalTime;
        (long most, long many) = LiveBytes(more);

        TimeSpan took = Environment.CpuUsage.TotalTime - before;

        // What grows with the number does so each time; what a pool or a cache of the runtime happened to take or to give back does not.
        for (int again = 0; again < 2 && many - few is > GrowthBytesMax or < -LiveBytesMax; again++)
        {
            few = LiveBytes(fewer).Held;
            many = LiveBytes(more).Held;
        }

        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{more} items: {took.TotalSeconds:0.0} s, {most / 1048576.0:0.00} MB live at most, {many / 1048576.0:0.00} held; {fewer} items: {few / 1048576.0:0.00} MB held");
        Assert.InRange(took, TimeSpan.Zero, s_timeMax);
        Assert.InRange(most, 0, LiveBytesMax);
        Assert.InRange(many - few, -LiveBytesMax, GrowthBytesMax);
    }

    private static (long Most, long Held) Inject(string marker, int items, TextReader input)
    {
        using var output = new MeasuringWriter(marker, items);
        using var errors = new StringWriter();
        long before = GC.GetTotalMemory(forceFullCollection: true);

        int exitCode = KubeInjectCommand.Run(new KubeInjectOptions { InputFile = "-" }, _ => null, input, output, errors);

        Assert.Equal((0, ""), (exitCode, errors.ToString()));
        Assert.Equal(items, output.Items);
        return (output.LiveBytesMax - before, output.HeldBytes - before);
    }

    private static string Numbered(string pod, int number) =>
        pod.Replace("web-N", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"web-{number}"), StringComparison.Ordinal);

    private const string YamlPod = """
        - apiVersion: v1
          kind: Pod
          metadata:
            name: web-N
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

    private const string YamlService = """
        - apiVersion: v1
          kind: Service
          metadata:
            name: web-N
            namespace: shop
            labels: {app: web, version: v1}
          spec:
            selector: {app: web}
            ports: [{name: http, port: 80, targetPort: 8080}]
        """;

    private const string JsonService = """
        {"apiVersion":"v1","kind":"Service","metadata":{"name":"web-N","namespace":"shop","labels":{"app":"web","version":"v1"}},
         "spec":{"selector":{"app":"web"},"ports":[{"name":"http","port":80,"targetPort":8080}]}}
        """;
}
