using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Xds;

public sealed class SotwProtocolTests
{
    [Fact]
    public void OnResponse_FullSetWithoutAName_RemovesIt() => LoopRunner.Run(loop =>
    {
        ResourceTable table = new(loop);
        RecordingOwner owner = new();
        table.SubscribeAll(ResourceType.Cluster, owner, new SubscriptionStats(new StatsStore().Scope("cds")));
        SotwProtocol protocol = new(loop, table, static () => new Node { Id = "n" });

        DiscoveryRequest first = Assert.Single(protocol.OnOpen());
        protocol.OnResponse(Arrivals.Of(Response("1", "a", "b")));
        DiscoveryRequest ack = protocol.OnResponse(Arrivals.Of(Response("2", "b")));
        DiscoveryRequest nack = protocol.OnResponse(Arrivals.Of(Response("3", "b", "bad")));
        protocol.OnClosed();
        DiscoveryRequest again = Assert.Single(protocol.OnOpen());

        Assert.Equal("n", first.Node.Id);
        Assert.Equal(["+a@1", "+b@1", "+b@2", "-a", "+b@3"], owner.Events);
        Assert.Equal(("2", "nonce-2"), (ack.VersionInfo, ack.ResponseNonce));
        Assert.Null(ack.ErrorDetail);
        Assert.Equal(("2", "nonce-3"), (nack.VersionInfo, nack.ResponseNonce));
        Assert.Contains("'bad'", nack.ErrorDetail.Message);
        Assert.Equal(("2", ""), (again.VersionInfo, again.ResponseNonce));
        return Task.CompletedTask;
    });

    private static DiscoveryResponse Response(string version, params string[] clusters)
    {
        DiscoveryResponse response = new()
        {
            TypeUrl = ResourceType.Cluster.TypeUrl, VersionInfo = version, Nonce = "nonce-" + version,
        };
        foreach (string name in clusters)
        {
            response.Resources.Add(Any.Pack(new Cluster { Name = name }));
        }

        return response;
    }
}
