using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Xds;

/// <summary>Names that are asked for when they are needed, on a delta stream: alone and on top of everything of their type.</summary>
public sealed class DemandedNamesTests
{
    [Fact]
    public void Names_OnTopOfEverything_KeepItAskedFor() => Run((loop, bench) =>
    {
        bench.Table.SubscribeAll(ResourceType.VirtualHost, bench.Owner, bench.Stats);
        IDemandedNames names = bench.Demand(ResourceType.VirtualHost);
        Assert.Empty(Assert.Single(bench.Protocol.OnOpen()).ResourceNamesSubscribe);
        names.Ask("r/b");
        names.Ask("r/a");
        names.Ask("r/b");
        DeltaDiscoveryRequest asked = Assert.Single(bench.Protocol.TakeChanges());
        Assert.Equal(["r/a", "r/b"], asked.ResourceNamesSubscribe);
        Assert.Null(asked.Node);
        Assert.Empty(bench.Protocol.TakeChanges());

        // Asked for again, the control plane answers anew.
        names.Ask("r/a");
        Assert.Equal(["r/a"], Assert.Single(bench.Protocol.TakeChanges()).ResourceNamesSubscribe);
        names.GiveUp("r/b");
        names.GiveUp("r/never");
        Assert.Equal(["r/b"], Assert.Single(bench.Protocol.TakeChanges()).ResourceNamesUnsubscribe);

        bench.Protocol.OnClosed();
        DeltaDiscoveryRequest first = Assert.Single(bench.Protocol.OnOpen());
        Assert.Equal((["*", "r/a"], "n"), (first.ResourceNamesSubscribe, first.Node.Id));
    });

    [Fact]
    public void Names_Alone_AreTheFirstRequest_WithTheNode() => Run((loop, bench) =>
    {
        IDemandedNames names = bench.Demand(ResourceType.Cluster);
        Assert.Empty(bench.Protocol.OnOpen());
        names.Ask("a");
        DeltaDiscoveryRequest first = Assert.Single(bench.Protocol.TakeChanges());
        Assert.Equal((["a"], "n"), (first.ResourceNamesSubscribe, first.Node.Id));
        names.Ask("b");
        DeltaDiscoveryRequest second = Assert.Single(bench.Protocol.TakeChanges());
        Assert.Equal(["b"], second.ResourceNamesSubscribe);
        Assert.Null(second.Node);
        bench.Protocol.OnClosed();
        Assert.Equal(["a", "b"], Assert.Single(bench.Protocol.OnOpen()).ResourceNamesSubscribe);
    });

    [Fact]
    public void NamesThatAreChangedBeforeTheyAreTold_AreToldAsTheyAre() => Run((loop, bench) =>
    {
        IDemandedNames names = bench.Demand(ResourceType.Cluster);
        names.Ask("a");
        bench.Protocol.OnOpen();
        names.GiveUp("a");
        names.Ask("a");
        names.Ask("b");
        names.GiveUp("b");
        DeltaDiscoveryRequest changes = Assert.Single(bench.Protocol.TakeChanges());
        Assert.Equal((["a"], ["b"]), (changes.ResourceNamesSubscribe, changes.ResourceNamesUnsubscribe));
    });

    [Fact]
    public void Answer_TellsNamesAliasesEmptyOnesAndRemovals_AfterItWasApplied() => Run((loop, bench) =>
    {
        bench.Table.SubscribeAll(ResourceType.VirtualHost, bench.Owner, bench.Stats);
        IDemandedNames names = bench.Demand(ResourceType.VirtualHost);
        List<string> told = [];
        void Tell(IReadOnlyList<string> some) => told.AddRange([$"after {bench.Owner.Events.Count}", .. some]);
        names.WhenAnswered(Tell);
        bench.Protocol.OnOpen();
        names.Ask("r/a");
        bench.Protocol.TakeChanges();
        var response = new DeltaDiscoveryResponse { TypeUrl = ResourceType.VirtualHost.TypeUrl, Nonce = "1", RemovedResources = { "r/gone" } };
        response.Resources.Add(new Resource
        {
            Name = "r/one", Version = "1", Aliases = { "r/a", "r/b" }, Resource_ = new Any { TypeUrl = ResourceType.VirtualHost.TypeUrl },
        });
        response.Resources.Add(new Resource { Name = "r/none", Version = "1", Aliases = { "r/c" } });
        Assert.Null(bench.Protocol.OnResponse(Arrivals.Of(response)).ErrorDetail);
        Assert.Equal(["+r/one@1", "-r/gone"], bench.Owner.Events);
        Assert.Equal(["after 2", "r/gone", "r/one", "r/a", "r/b", "r/none", "r/c"], told);

        names.StopAnswering(Tell);
        told.Clear();
        bench.Protocol.OnResponse(Arrivals.Of(response));
        Assert.Empty(told);
    });

    [Fact]
    public void Owner_OfEverything_GetsWhatIsDemanded_WhoeverCameFirst() => Run((loop, bench) =>
    {
        IDemandedNames names = bench.Demand(ResourceType.Cluster);
        var everything = new RecordingOwner();
        bench.Table.SubscribeAll(ResourceType.Cluster, everything, bench.Stats);
        Assert.Same(names, bench.Demand(ResourceType.Cluster));
        names.Ask("a");
        Assert.Equal(["*", "a"], Assert.Single(bench.Protocol.OnOpen()).ResourceNamesSubscribe);
        var response = new DeltaDiscoveryResponse { TypeUrl = ResourceType.Cluster.TypeUrl, Nonce = "1" };
        response.Resources.Add(new Resource { Name = "a", Version = "1", Resource_ = new Any { TypeUrl = ResourceType.Cluster.TypeUrl } });
        bench.Protocol.OnResponse(Arrivals.Of(response));
        Assert.Equal(["+a@1"], everything.Events);
        Assert.Empty(bench.Owner.Events);
    });

    [Fact]
    public void Resource_WithTooManyAliases_IsRefused() => Run((loop, bench) =>
    {
        bench.Table.SubscribeAll(ResourceType.VirtualHost, bench.Owner, bench.Stats);
        bench.Protocol.OnOpen();
        foreach (int count in new[] { DiscoveryItemReader.AliasesMax, DiscoveryItemReader.AliasesMax + 1 })
        {
            var resource = new Resource { Name = "r/a", Version = "1", Resource_ = new Any { TypeUrl = ResourceType.VirtualHost.TypeUrl } };
            resource.Aliases.AddRange(Enumerable.Range(0, count).Select(static i => $"r/{i}"));
            var response = new DeltaDiscoveryResponse { TypeUrl = ResourceType.VirtualHost.TypeUrl, Nonce = "1", Resources = { resource } };
            Assert.Equal(
                count > DiscoveryItemReader.AliasesMax ? "VHDS resource 'r/a': the bytes are not a valid message: it has more than 4096 aliases" : null,
                bench.Protocol.OnResponse(Arrivals.Of(response)).ErrorDetail?.Message);
        }
    });

    private static void Run(Action<EventLoop, Bench> body) => LoopRunner.Run(loop =>
    {
        body(loop, new Bench(loop));
        return Task.CompletedTask;
    });

    private sealed class Bench
    {
        public Bench(EventLoop loop)
        {
            Table = new ResourceTable(loop);
            Protocol = new DeltaProtocol(loop, Table, static () => new Node { Id = "n" });
        }

        public ResourceTable Table { get; }

        public DeltaProtocol Protocol { get; }

        public RecordingOwner Owner { get; } = new();

        public SubscriptionStats Stats { get; } = new(new StatsStore().Scope("s"));

        public IDemandedNames Demand(ResourceType type) => Table.Demand(type, Owner, Stats);
    }
}
