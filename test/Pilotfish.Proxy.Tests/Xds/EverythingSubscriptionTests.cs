using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Xds;

/// <summary>Everything of a type that is asked for, given up and asked for again, on one stream and over its end.</summary>
public sealed class EverythingSubscriptionTests
{
    private static readonly ResourceType s_type = ResourceType.ScopedRoute;

    private readonly SubscriptionStats _stats = new(new StatsStore().Scope("s"));

    [Fact]
    public void Delta_GivesUpByName_AndAsksByNameAgain() => Run((scene, owner, everything) =>
    {
        DeltaProtocol protocol = new(scene.Loop, scene.Table, static () => new Node { Id = "n" });
        Assert.Empty(Assert.Single(protocol.OnOpen()).ResourceNamesSubscribe);
        protocol.OnResponse(Arrivals.Of(Delta("1", "a")));
        Assert.Equal(["a"], scene.Table.Type(s_type).Held.Keys);

        everything.Dispose();
        everything.Dispose();
        DeltaDiscoveryRequest given = Assert.Single(protocol.TakeChanges());
        Assert.Equal(([], ["*"]), (given.ResourceNamesSubscribe, given.ResourceNamesUnsubscribe));
        Assert.Empty(scene.Table.Type(s_type).Held);
        Assert.Empty(protocol.TakeChanges());

        // What was on its way is answered and dropped.
        Assert.Null(protocol.OnResponse(Arrivals.Of(Delta("2", "b"))).ErrorDetail);
        Assert.Equal(["+a@1"], owner.Events);
        Assert.Empty(scene.Table.Type(s_type).Held);

        RecordingOwner next = new();
        scene.Table.SubscribeAll(s_type, next, _stats);
        everything.Dispose();
        DeltaDiscoveryRequest again = Assert.Single(protocol.TakeChanges());
        Assert.Equal((["*"], []), (again.ResourceNamesSubscribe, again.ResourceNamesUnsubscribe));
        protocol.OnResponse(Arrivals.Of(Delta("3", "a")));
        Assert.Equal(["+a@3"], next.Events);
        Assert.Equal(["+a@1"], owner.Events);
    });

    [Fact]
    public void Delta_GivenUpAndAskedForWithinOneTurn_SaysBoth_OneAfterTheOther() => Run((scene, owner, everything) =>
    {
        DeltaProtocol protocol = new(scene.Loop, scene.Table, static () => new Node { Id = "n" });
        protocol.OnOpen();
        everything.Dispose();
        scene.Table.SubscribeAll(s_type, owner, _stats);
        IReadOnlyList<DeltaDiscoveryRequest> both = protocol.TakeChanges();
        Assert.Equal(2, both.Count);
        Assert.Equal(([], ["*"]), (both[0].ResourceNamesSubscribe, both[0].ResourceNamesUnsubscribe));
        Assert.Equal((["*"], []), (both[1].ResourceNamesSubscribe, both[1].ResourceNamesUnsubscribe));
    });

    [Fact]
    public void StateOfTheWorld_SaysNothing_DropsWhatComes_AndBeginsAnew() => Run((scene, owner, everything) =>
    {
        SotwProtocol protocol = new(scene.Loop, scene.Table, static () => new Node { Id = "n" });
        Assert.Single(protocol.OnOpen());
        protocol.OnResponse(Arrivals.Of(World("1", "a")));
        everything.Dispose();
        Assert.Empty(protocol.TakeChanges());
        DiscoveryRequest answer = protocol.OnResponse(Arrivals.Of(World("2", "b")));
        Assert.Equal((null, "2", "2"), (answer.ErrorDetail, answer.VersionInfo, answer.ResponseNonce));
        Assert.Equal(["+a@1"], owner.Events);
        Assert.Empty(protocol.TakeChanges());

        // With an old version the server would take it for an answer and send nothing.
        scene.Table.SubscribeAll(s_type, owner, _stats);
        DiscoveryRequest again = Assert.Single(protocol.TakeChanges());
        Assert.Equal(("", ""), (again.VersionInfo, again.ResponseNonce));
        protocol.OnResponse(Arrivals.Of(World("2", "b")));
        Assert.Equal(["+a@1", "+b@2"], owner.Events);
    });

    [Fact]
    public void NextStream_DoesNotCarryWhatWasGivenUp() => Run((scene, _, everything) =>
    {
        DeltaProtocol protocol = new(scene.Loop, scene.Table, static () => new Node { Id = "n" });
        protocol.OnOpen();
        everything.Dispose();
        protocol.OnClosed();
        Assert.Empty(protocol.OnOpen());
        Assert.Empty(protocol.TakeChanges());
        scene.Table.SubscribeAll(s_type, new RecordingOwner(), _stats);
        DeltaDiscoveryRequest first = Assert.Single(protocol.TakeChanges());
        Assert.Equal(([], [], "n"), (first.ResourceNamesSubscribe, first.ResourceNamesUnsubscribe, first.Node.Id));
    });

    private static DeltaDiscoveryResponse Delta(string version, string name) => new()
    {
        TypeUrl = s_type.TypeUrl,
        Nonce = version,
        Resources = { new Resource { Name = name, Version = version, Resource_ = new Any { TypeUrl = s_type.TypeUrl } } },
    };

    private static DiscoveryResponse World(string version, string name) => new()
    {
        TypeUrl = s_type.TypeUrl,
        VersionInfo = version,
        Nonce = version,
        Resources =
        {
            new Any { TypeUrl = s_type.TypeUrl, Value = new Envoy.Config.Route.V3.ScopedRouteConfiguration { Name = name }.ToByteString() },
        },
    };

    private void Run(Action<Scene, RecordingOwner, IDisposable> body) => LoopRunner.Run(loop =>
    {
        Scene scene = new(loop, new ResourceTable(loop));
        RecordingOwner owner = new();
        body(scene, owner, scene.Table.SubscribeAll(s_type, owner, _stats));
        return Task.CompletedTask;
    });

    private sealed record Scene(EventLoop Loop, ResourceTable Table);
}
