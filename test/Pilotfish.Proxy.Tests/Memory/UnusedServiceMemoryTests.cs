using System.Diagnostics;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Tls;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Workers;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Memory;

/// <summary>
/// Managed bytes that a service costs a sidecar that never calls it: a mesh pushes thousands of services to every pod. The stages are measured
/// apart, so that a growth names its place. They are taken in a process of their own: what other tests left in pools goes when it likes.
/// </summary>
public sealed class UnusedServiceMemoryTests(ITestOutputHelper output)
{
    private const int Services = 2000;

    [Fact]
    public async Task UnusedServices_InAFreshProcess_StayBelowTheirBounds()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["-noColor", "-noLogo", "-explicit", "only", "-showLiveOutput", "-class", typeof(UnusedServiceMemoryTests).FullName!])
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string text = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken) + await errors;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        output.WriteLine(text);
        Assert.Equal(0, process.ExitCode);
        Assert.Equal(3, text.Split("] bytes per service: ").Length);
    }

    /// <summary>Bounds in bytes per service: cluster, assignment, virtual host, each with what is kept for /config_dump.</summary>
    [Theory(Explicit = true)]
    [InlineData(false, 1400, 180, 470)]
    [InlineData(true, 2850, 240, 470)]
    public void UnusedService_EachStage_StaysBelowItsBound(bool inMesh, int cluster, int assignment, int virtualHost) => LoopRunner.Run(loop =>
    {
        var mesh = new PushedMesh(loop);
        // Tables that exist once, code and pools come with the first services.
        mesh.Push(0, 50, inMesh);
        long start = Settled();
        mesh.PushClusters(50, Services, inMesh);
        long clusters = Settled();
        mesh.PushAssignments(50, Services, inMesh);
        long assignments = Settled();
        mesh.PushRoutes(Services, inMesh);
        long routes = Settled();
        long perCluster = (clusters - start) / (Services - 50);
        long perAssignment = (assignments - clusters) / (Services - 50);
        long perHost = (routes - assignments) / (Services - 50);
        output.WriteLine($"bytes per service: cluster {perCluster}, assignment {perAssignment}, virtual host {perHost}");
        Assert.InRange(perCluster, 0, cluster);
        Assert.InRange(perAssignment, 0, assignment);
        Assert.InRange(perHost, 0, virtualHost);
        mesh.AssertServes(Services - 1);
        GC.KeepAlive(mesh);
        return Task.CompletedTask;
    });

    /// <summary>The heap without what earlier tests left to their finalizers.</summary>
    private static long Settled()
    {
        long before = long.MaxValue;
        while (true)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
            long now = GC.GetTotalMemory(forceFullCollection: true);
            if (now >= before)
            {
                return now;
            }

            before = now;
        }
    }

    /// <summary>The data plane's side of an ADS stream, fed as the stream feeds it.</summary>
    private sealed class PushedMesh
    {
        private readonly ResourceTable _table;
        private readonly CompileContext _context;
        private readonly RouteConfigSlot _routes;

        public PushedMesh(EventLoop loop)
        {
            var stats = new StatsStore();
            // What Istio's bootstrap includes: no statistic of outbound clusters.
            stats.Configure(new StatsMatcher(include: true, [new StatNamePattern(StatNamePattern.PatternKind.Prefix, "cluster_manager")]), HistogramBucketRules.Default);
            var extensions = new Pilotfish.Proxy.Config.ExtensionRegistry();
            BuiltInExtensions.AddTo(extensions);
            _table = new ResourceTable(loop);
            _context = new CompileContext
            {
                Extensions = extensions,
                Subscriptions = _table,
                Stats = stats,
                Node = new LocalNode { Id = "test", Cluster = "test" },
                Workers = new WorkerSet(2, loop, stats, 1),
            };
            var clusters = new ClusterDirectory(_context, new ScriptedResolver(), randomSeed: 7);
            _table.SubscribeAll(ResourceType.Cluster, clusters, new SubscriptionStats(stats.Scope("cluster_manager.cds")));
            _routes = RouteConfigSlot.Subscribe("80", _context, null);
        }

        public void Push(int from, int to, bool inMesh)
        {
            PushClusters(from, to, inMesh);
            if (inMesh)
            {
                PushSecrets();
            }

            PushAssignments(from, to, inMesh);
            PushRoutes(to, inMesh);
        }

        public void PushClusters(int from, int to, bool inMesh) => Push(
            ResourceType.Cluster, from, to, n => new MeshService(n, inMesh).ClusterName, n => new MeshService(n, inMesh).Cluster());

        public void PushAssignments(int from, int to, bool inMesh) => Push(
            ResourceType.Endpoints, from, to, n => new MeshService(n, inMesh).ClusterName, n => new MeshService(n, inMesh).Assignment());

        public void PushRoutes(int count, bool inMesh)
        {
            var routes = new RouteConfiguration { Name = "80", IgnorePortInHostMatching = true };
            for (int n = 0; n < count; n++)
            {
                routes.VirtualHosts.Add(new MeshService(n, inMesh).VirtualHost());
            }

            Apply(ResourceType.Route, new ResourceUpdate("80", routes.ToByteArray(), "2026-11-26T00:00:00Z/1"));
        }

        public void AssertServes(int number)
        {
            ForwardModel forward = _routes.Current!.Domains.Find(System.Text.Encoding.ASCII.GetBytes($"svc-{number}.default"))!.Routes[0].Forward!;
            Assert.Single(forward.Cluster!.Current!.Hosts.All);
        }

        private void PushSecrets()
        {
            var certificates = new TestCertificates();
            (string chain, string key) = certificates.Leaf("spiffe://cluster.local/ns/default/sa/default");
            var identity = new Secret { Name = "default", TlsCertificate = TlsMessages.Certificate((chain, key)) };
            var trust = new Secret
            {
                Name = "ROOTCA",
                ValidationContext = new CertificateValidationContext { TrustedCa = new DataSource { InlineString = certificates.RootPem } },
            };
            Apply(ResourceType.Secret, new ResourceUpdate("default", identity.ToByteArray(), "1"));
            Apply(ResourceType.Secret, new ResourceUpdate("ROOTCA", trust.ToByteArray(), "1"));
        }

        private void Push(ResourceType type, int from, int to, Func<int, string> name, Func<int, IMessage> message)
        {
            for (int n = from; n < to; n++)
            {
                Apply(type, new ResourceUpdate(name(n), message(n).ToByteArray(), $"{n:x16}"));
            }
        }

        private void Apply(ResourceType type, ResourceUpdate update)
        {
            var rejected = new List<RejectedResource>();
            _table.Apply(_table.Type(type), [new ArrivedResource(update.Name, PackedMessage.Plain(update.Message.Span), update.Version)], [], rejected);
            Assert.Empty(rejected);
        }
    }
}
