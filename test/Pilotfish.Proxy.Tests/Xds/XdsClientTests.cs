using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Xds;

public sealed class XdsClientTests
{
    [Fact]
    public void Stream_Opens_AsksForTypesInOrderWithTheNodeOnce() => Run((loop, bench) =>
    {
        bench.Table.Subscribe(ResourceType.Route, "80", bench.Owner);
        bench.Table.SubscribeAll(ResourceType.Listener, bench.Owner, bench.Stats("lds"));
        bench.Start();

        bench.Turn(() => bench.ControlPlane.Requests.Count == 3);

        Assert.Equal(
            ["CDS", "LDS", "RDS"],
            bench.ControlPlane.Requests.Select(static r => ResourceType.FromTypeUrl(r.TypeUrl)!.ShortName));
        Assert.Equal("node-1", bench.ControlPlane.Requests[0].Node.Id);
        Assert.Null(bench.ControlPlane.Requests[1].Node);
        Assert.Empty(bench.ControlPlane.Requests[0].ResourceNamesSubscribe);
        Assert.Equal(["80"], bench.ControlPlane.Requests[2].ResourceNamesSubscribe);
    });

    [Fact]
    public void Response_PartlyBad_AppliesTheGoodAndNamesTheBad() => Run((loop, bench) =>
    {
        bench.Start();
        bench.Turn(() => bench.ControlPlane.Requests.Count == 1);
        bench.ControlPlane.Send(Response(ResourceType.Cluster, "n1", ("good", "1"), ("bad", "1")));

        bench.Turn(() => bench.ControlPlane.Requests.Count == 2);

        DeltaDiscoveryRequest answer = bench.ControlPlane.Requests[1];
        Assert.Equal("n1", answer.ResponseNonce);
        Assert.Equal("CDS resource 'bad': field: it is bad", answer.ErrorDetail.Message);
        Assert.Equal(["+good@1"], bench.Owner.Events);
        Assert.Equal(1, bench.Count("cluster_manager.cds.update_rejected"));
    });

    [Fact]
    public void Response_DuplicateName_RefusesBoth() => Run((loop, bench) =>
    {
        bench.Start();
        bench.Turn(() => bench.ControlPlane.Requests.Count == 1);
        bench.ControlPlane.Send(Response(ResourceType.Cluster, "n1", ("twice", "1"), ("twice", "2"), ("once", "1")));

        bench.Turn(() => bench.ControlPlane.Requests.Count == 2);

        Assert.Contains("'twice'", bench.ControlPlane.Requests[1].ErrorDetail.Message);
        Assert.Equal(["+once@1"], bench.Owner.Events);
    });

    [Fact]
    public void Subscription_AddedAndDropped_TravelsAsDifference() => Run((loop, bench) =>
    {
        bench.Start();
        IDisposable first = bench.Table.Subscribe(ResourceType.Endpoints, "a", bench.Owner);
        bench.Table.Subscribe(ResourceType.Endpoints, "a", bench.Owner);
        bench.Turn(() => bench.ControlPlane.Requests.Count == 2);

        first.Dispose();
        IDisposable other = bench.Table.Subscribe(ResourceType.Endpoints, "b", bench.Owner);
        bench.Turn(() => bench.ControlPlane.Requests.Count == 3);
        other.Dispose();
        bench.Turn(() => bench.ControlPlane.Requests.Count == 4);

        Assert.Equal(["b"], bench.ControlPlane.Requests[2].ResourceNamesSubscribe);
        Assert.Empty(bench.ControlPlane.Requests[2].ResourceNamesUnsubscribe);
        Assert.Equal(["b"], bench.ControlPlane.Requests[3].ResourceNamesUnsubscribe);
    });

    [Fact]
    public void Subscription_OfHeldName_IsGivenAtOnce() => Run((loop, bench) =>
    {
        bench.Table.Subscribe(ResourceType.Route, "r", bench.Owner);
        bench.Start();
        bench.Turn(() => bench.ControlPlane.Requests.Count == 2);
        bench.ControlPlane.Send(Response(ResourceType.Route, "n1", ("r", "7")));
        bench.Turn(() => bench.Owner.Events.Count == 1);
        RecordingOwner late = new();

        bench.Table.Subscribe(ResourceType.Route, "r", late);

        Assert.Equal(["+r@7"], late.Events);
    });

    [Fact]
    public void Reconnect_AfterLoss_TellsHeldVersionsAndKeepsConfig() => Run((loop, bench) =>
    {
        bench.Start();
        bench.Turn(() => bench.ControlPlane.Requests.Count == 1);
        bench.ControlPlane.Send(Response(ResourceType.Cluster, "n1", ("a", "5"), ("bad", "5")));
        bench.Turn(() => bench.ControlPlane.Requests.Count == 2);
        bench.ControlPlane.Refuses = true;
        bench.ControlPlane.EndStream();
        bench.Turn(() => bench.Count("control_plane.connected_state") == 0);
        bench.ControlPlane.Refuses = false;

        bench.Turn(() => bench.ControlPlane.Streams == 2 && bench.ControlPlane.Requests.Count == 3);

        DeltaDiscoveryRequest again = bench.ControlPlane.Requests[2];
        Assert.Equal("5", again.InitialResourceVersions["a"]);
        Assert.False(again.InitialResourceVersions.ContainsKey("bad"));
        Assert.Equal("node-1", again.Node.Id);
        Assert.Equal(["+a@5"], bench.Owner.Events);
    });

    [Fact]
    public void Response_InParts_IsAppliedWhenItIsWhole() => Run((loop, bench) =>
    {
        bench.Start();
        bench.Turn(() => bench.ControlPlane.Requests.Count == 1);
        byte[] bytes = Response(ResourceType.Cluster, "n1", ("a", "5"), ("b", "6")).ToByteArray();
        for (int i = 0; i < bytes.Length - 1; i++)
        {
            bench.ControlPlane.SendPart(bytes.AsSpan(i, 1), end: false);
        }

        Assert.Empty(bench.Owner.Events);
        bench.ControlPlane.SendPart(bytes.AsSpan(bytes.Length - 1), end: true);

        Assert.Equal(["+a@5", "+b@6"], bench.Owner.Events);
        Assert.Equal("n1", bench.ControlPlane.Requests[1].ResponseNonce);
    });

    [Fact]
    public void Stream_EndsWithinAResponse_AppliesNothingOfIt() => Run((loop, bench) =>
    {
        bench.Start();
        bench.Turn(() => bench.ControlPlane.Requests.Count == 1);
        byte[] bytes = Response(ResourceType.Cluster, "n1", ("a", "5"), ("b", "6")).ToByteArray();
        bench.ControlPlane.SendPart(bytes.AsSpan(0, bytes.Length - 2), end: false);
        bench.ControlPlane.EndStream();
        bench.Turn(() => bench.ControlPlane.Streams == 2);

        // The next stream's response is read from its beginning.
        bench.ControlPlane.Send(Response(ResourceType.Cluster, "n2", ("c", "1")));

        Assert.Equal(["+c@1"], bench.Owner.Events);
    });

    [Fact]
    public void Response_ThatIsNoMessage_EndsTheStreamAndTriesAgain() => Run((loop, bench) =>
    {
        bench.Start();
        bench.Turn(() => bench.ControlPlane.Requests.Count == 1);
        bench.ControlPlane.SendPart([0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], end: false);
        Assert.Equal(0, bench.Count("control_plane.connected_state"));

        bench.Turn(() => bench.ControlPlane.Requests.Count == 2);

        Assert.Equal((2, 1), (bench.ControlPlane.Streams, bench.Count("cluster_manager.cds.update_failure")));
    });

    [Fact]
    public void Requests_WithoutRoom_WaitInOrder() => Run((loop, bench) =>
    {
        bench.ControlPlane.IsBlocked = true;
        bench.Table.Subscribe(ResourceType.Route, "r", bench.Owner);
        bench.Start();
        bench.Turn(() => bench.ControlPlane.Streams == 1);
        bench.Table.Subscribe(ResourceType.Route, "s", bench.Owner);
        loop.RunOnce();
        Assert.Empty(bench.ControlPlane.Requests);

        bench.ControlPlane.Unblock();

        Assert.Equal(
            ["CDS", "RDS", "RDS"],
            bench.ControlPlane.Requests.Select(static r => ResourceType.FromTypeUrl(r.TypeUrl)!.ShortName));
        Assert.Equal(["s"], bench.ControlPlane.Requests[2].ResourceNamesSubscribe);
    });

    [Fact]
    public void Dispose_WhileAResponseIsApplied_EndsWithoutAnAnswer() => Run((loop, bench) =>
    {
        bench.Start();
        bench.Turn(() => bench.ControlPlane.Requests.Count == 1);
        bench.Owner.OnApply = bench.Dispose;

        bench.ControlPlane.Send(Response(ResourceType.Cluster, "n1", ("a", "1")));

        Assert.Single(bench.ControlPlane.Requests);
        Assert.Equal(["+a@1"], bench.Owner.Events);
    });

    [Fact]
    public void Removal_InResponse_ReachesTheOwner() => Run((loop, bench) =>
    {
        bench.Start();
        bench.Turn(() => bench.ControlPlane.Requests.Count == 1);
        bench.ControlPlane.Send(Response(ResourceType.Cluster, "n1", ("a", "1")));
        DeltaDiscoveryResponse removal = Response(ResourceType.Cluster, "n2");
        removal.RemovedResources.Add("a");
        bench.ControlPlane.Send(removal);

        bench.Turn(() => bench.ControlPlane.Requests.Count == 3);

        Assert.Equal(["+a@1", "-a"], bench.Owner.Events);
        Assert.Empty(bench.Table.Type(ResourceType.Cluster).Held);
    });

    private static void Run(Action<EventLoop, Bench> body) => LoopRunner.Run(loop =>
    {
        using Bench bench = new(loop);
        body(loop, bench);
        return Task.CompletedTask;
    });

    private static DeltaDiscoveryResponse Response(ResourceType type, string nonce, params (string Name, string Version)[] resources)
    {
        DeltaDiscoveryResponse response = new() { TypeUrl = type.TypeUrl, Nonce = nonce, SystemVersionInfo = nonce };
        foreach ((string name, string version) in resources)
        {
            response.Resources.Add(new Resource
            {
                Name = name, Version = version, Resource_ = new Any { TypeUrl = type.TypeUrl },
            });
        }

        return response;
    }

    private sealed class Bench : IDisposable
    {
        private readonly EventLoop _loop;
        private readonly StatsStore _stats = new();
        private readonly XdsClient _client;

        public Bench(EventLoop loop)
        {
            _loop = loop;
            Table = new ResourceTable(loop);
            DeltaProtocol protocol = new(loop, Table, static () => new Node { Id = "node-1" });
            BackOff backOff = new(100, 1000, static () => 0.5);
            _client = new XdsClient(loop, Table, protocol, XdsService.Aggregated, ControlPlane, backOff, _stats);
            Table.SubscribeAll(ResourceType.Cluster, Owner, Stats("cluster_manager.cds"));
        }

        public ResourceTable Table { get; }

        public RecordingOwner Owner { get; } = new();

        public ScriptedControlPlane ControlPlane { get; } = new();

        public SubscriptionStats Stats(string scope) => new(_stats.Scope(scope));

        public void Start() => _client.Start();

        public void Turn(Func<bool> until) => LoopRunner.Turn(_loop, until);

        public long Count(string name) => _stats.TryFind(name, out StatEntry? entry) ? _stats.Value(entry) : -1;

        public void Dispose() => _client.Dispose();
    }
}
