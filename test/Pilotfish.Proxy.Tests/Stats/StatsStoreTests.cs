using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using Pilotfish.Language.Re2;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Stats;

public sealed class StatsStoreTests
{
    [Fact]
    public void Value_CountsOfSeveralLoops_AreSummed()
    {
        StatsStore store = new();
        StatCells worker = store.CreateCells();
        Counter counter = store.Scope("cluster.a:b").Counter("upstream_rq_total");

        worker.Add(counter);
        store.Main.Add(counter, 4);

        Assert.Equal(5, store.Value(counter));
        Assert.Equal("cluster.a_b.upstream_rq_total: 5\n", Text(store, new StatsQuery()));
    }

    [Fact]
    public void Counter_SameNameTwice_IsTheSame()
    {
        StatsStore store = new();

        Assert.Equal(store.Scope("a").Counter("b"), store.Root.Scope("a").Counter("b"));
    }

    [Fact]
    public void Counter_Excluded_CountsNowhere()
    {
        StatsStore store = new();
        store.Configure(
            new StatsMatcher(include: true, [new StatNamePattern(StatNamePattern.PatternKind.Prefix, "server")]),
            HistogramBucketRules.Default);
        Counter excluded = store.Scope("cluster.x").Counter("upstream_rq_total");

        store.Main.Add(excluded);

        Assert.Equal(0, store.Value(excluded));
        Assert.Empty(Text(store, new StatsQuery()));
    }

    [Fact]
    public void Dispose_LastUse_RemovesTheScope()
    {
        StatsStore store = new();
        StatScope first = store.Scope("cluster.gone");
        StatScope second = store.Scope("cluster.gone");
        first.Counter("x");

        first.Dispose();
        Assert.NotEmpty(Text(store, new StatsQuery()));
        second.Dispose();

        Assert.Empty(Text(store, new StatsQuery()));
    }

    [Fact]
    public void ResetCounters_LaterCounts_StartFromZero()
    {
        StatsStore store = new();
        Counter counter = store.Root.Counter("a");
        store.Main.Add(counter, 9);

        store.ResetCounters();
        store.Main.Add(counter);

        Assert.Equal(1, store.Value(counter));
    }

    [Fact]
    public void Add_Steady_AllocatesNothing()
    {
        StatsStore store = new();
        Counter counter = store.Root.Counter("a");
        Histogram histogram = store.Root.Histogram("h");

        long allocated = AllocationMeter.Of(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                store.Main.Add(counter);
                store.Main.Record(histogram, i);
            }
        });

        Assert.Equal(0, allocated);
    }

    [Fact]
    public void Text_UsedOnlyAndFilter_ShowWhatPasses()
    {
        StatsStore store = new();
        store.Main.Add(store.Root.Counter("used.a"));
        store.Root.Counter("unused.a");
        store.Main.Add(store.Root.Counter("used.b"));

        Assert.Equal("used.a: 1\n", Text(store, new StatsQuery { UsedOnly = true, Filter = Re2Regex.Compile("\\.a$") }));
    }

    [Fact]
    public void Prometheus_DefaultTags_BecomeLabels()
    {
        StatsStore store = new();
        store.Main.Add(store.Scope("cluster.web").Counter("upstream_rq_200"));
        store.Main.Add(store.Scope("cluster.web").Counter("upstream_rq_2xx"));
        store.Main.Record(store.Scope("http.in").Histogram("downstream_rq_time"), 7);
        StringBuilder text = new();

        PrometheusText.Write(store, StatsConfigCompiler.Tags(null), new StatsQuery(), text);

        string report = text.ToString();
        Assert.Contains(
            "# TYPE envoy_cluster_upstream_rq counter\n"
            + "envoy_cluster_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"web\"} 1\n",
            report);
        Assert.Contains("envoy_cluster_upstream_rq_xx{envoy_response_code_class=\"2\",envoy_cluster_name=\"web\"} 1\n", report);
        Assert.Contains("envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix=\"in\",le=\"5\"} 0\n", report);
        Assert.Contains("envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix=\"in\",le=\"10\"} 1\n", report);
        Assert.Contains("envoy_http_downstream_rq_time_sum{envoy_http_conn_manager_prefix=\"in\"} 7\n", report);
    }

    [Theory]
    [InlineData("cluster.outbound|80||a.b.c;.upstream_cx_total", "cluster.upstream_cx_total", "outbound|80||a.b.c")]
    public void Extract_IstioClusterRule_CutsUpToSemicolon(string name, string rest, string value)
    {
        StatTagRules rules = new([StatTagRule.Of("cluster_name", "^cluster(\\.(.+);)")]);
        List<StatTag> tags = [];

        Assert.Equal(rest, rules.Extract(name, tags));
        Assert.Equal(new StatTag("cluster_name", value), Assert.Single(tags));
    }

    /// <summary>Whichever of the two ways time allows, the answer is the same.</summary>
    [Fact]
    public void DefaultRules_AnyName_GiveTheSameInLinearTime()
    {
        string[] parts =
        [
            "http", "cluster", "listener", "vhost", "tcp", "grpc", "user_agent", "ssl", "cipher", "ciphers", "fault", "aborts_injected", "total",
            "vcluster", "route", "rds", "scoped_rds", "worker_1", "0.0.0.0_80", "[__1]_80", "upstream_rq_200", "upstream_rq_2xx", "a", "b_c", "",
            "listener_manager", "mongo", "cmd", "ratelimit", "udp",
        ];
        (Regex Usual, Regex Linear)[] rules =
        [
            .. StatTagRules.Default.Select(static rule => rule.Expression!).Select(static expression =>
                (new Regex(expression, RegexOptions.CultureInvariant), new Regex(expression, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking))),
        ];
        Gen.Int[0, parts.Length - 1].Array[1, 8].Sample(picked =>
        {
            string name = string.Join('.', picked.Select(i => parts[i]));
            return rules.All(rule =>
            {
                Match one = rule.Usual.Match(name);
                Match other = rule.Linear.Match(name);
                return one.Success == other.Success && one.Groups.Values.Select(static g => (g.Index, g.Value))
                    .SequenceEqual(other.Groups.Values.Select(static g => (g.Index, g.Value)));
            });
        });
    }

    [Fact]
    public void Extract_ExpressionThatTakesTooLong_StillFindsItsTag()
    {
        // The first alternative tries every way to part the letters before it gives up.
        StatTagRules rules = new([StatTagRule.Of("slow", "^(?:(?:a+)+b|(a*)c)$")]);
        List<StatTag> tags = [];

        Assert.Equal("c", rules.Extract(new string('a', 60) + "c", tags));

        Assert.Equal(new StatTag("slow", new string('a', 60)), Assert.Single(tags));
    }

    private static string Text(StatsStore store, StatsQuery query)
    {
        using var loop = new EventLoop(new EventLoopOptions { Name = "stats" });
        StringBuilder text = new();
        StatsText.Write(store, query, new HistogramIntervals(store, loop), text);
        return text.ToString();
    }
}
