using System.Text;
using Envoy.Config.Cluster.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Clusters;

/// <summary>Network filters of a cluster: they see the bytes of its connections, may refuse one, and hear of its end.</summary>
public sealed class ClusterFilterTests
{
    [Fact]
    public void Filter_OnACluster_SeesBothDirectionsAndTheEnd() => LoopRunner.Run(async loop =>
    {
        var events = new List<string>();
        var fixture = new TransportFixture(loop);
        fixture.Context.Extensions.Register<INetworkFilterFactory>(new RecorderFactory(events, refuses: false));
        ListenSocket echo = TestPeers.Echo(loop);
        Cluster cluster = TransportFixture.StaticCluster("c", echo.LocalAddress);
        cluster.Filters.Add(new Filter { Name = "recorder", TypedConfig = Any.Pack(new Empty()) });
        Assert.Empty(fixture.Apply(cluster));
        Assert.Empty(fixture.Apply(TransportFixture.TcpListener("l", "c")));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync("ping"u8.ToArray());
        Assert.Equal("ping", await TestPeers.ReceiveTextAsync(client, 4));
        client.ShutdownSend();
        Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        await TestPeers.UntilAsync(loop, () => events.Count == 4);
        Assert.Equal(["new c", "sent ping", "received ping"], events.Take(3));
        Assert.StartsWith("finished upstream_", events[3]);
        client.Close();
    });

    [Fact]
    public void Filter_Refuses_ConnectionFailsAndIsAccounted() => LoopRunner.Run(async loop =>
    {
        var events = new List<string>();
        var fixture = new TransportFixture(loop);
        fixture.Context.Extensions.Register<INetworkFilterFactory>(new RecorderFactory(events, refuses: true));
        ListenSocket echo = TestPeers.Echo(loop);
        Cluster cluster = TransportFixture.StaticCluster("c", echo.LocalAddress);
        cluster.Filters.Add(new Filter { Name = "recorder", TypedConfig = Any.Pack(new Empty()) });
        Assert.Empty(fixture.Apply(cluster));
        WorkerCluster worker = fixture.Workers.All[0].Cluster(fixture.Context.Clusters.Reference("c").Current!);
        UpstreamConnectResult result = await worker.ConnectAsync(worker.Pick(default).Host!, default);
        Assert.Null(result.Connection);
        Assert.Equal("a network filter of the cluster refused the connection", result.TransportFailure);
        Assert.Equal(0, fixture.Gauge("cluster.c.upstream_cx_active"));
        Assert.Equal(["new c", "finished upstream_local_close"], events);
    });

    private sealed class RecorderFactory(List<string> events, bool refuses) : INetworkFilterFactory
    {
        public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.Empty"];

        public NetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context) => new Recorder(events, refuses);
    }

    private sealed class Recorder(List<string> events, bool refuses) : NetworkFilter
    {
        public override NetworkFilterSession? NewConnection(DownstreamConnection connection) => null;

        public override NetworkFilterSession NewUpstreamConnection(WorkerCluster cluster, Host host)
        {
            events.Add("new " + cluster.State.Name);
            return new Session(events, refuses);
        }
    }

    private sealed class Session(List<string> events, bool refuses) : NetworkFilterSession
    {
        public override ValueTask<EndReason?> OnNewConnectionAsync() => new(refuses ? NetworkEndReasons.ConnectFailed : null);

        public override IByteStream Wrap(IByteStream stream) => new Observed(stream, events);

        public override void OnFinished(EndReason reason) => events.Add("finished " + reason.Details);
    }

    private sealed class Observed(IByteStream inner, List<string> events) : ObservedByteStream(inner)
    {
        protected override void OnReceived(ReadOnlySpan<byte> bytes, bool end)
        {
            if (!end)
            {
                events.Add("received " + Encoding.ASCII.GetString(bytes));
            }
        }

        protected override void OnSent(ReadOnlySpan<byte> bytes)
        {
            if (!bytes.IsEmpty)
            {
                events.Add("sent " + Encoding.ASCII.GetString(bytes));
            }
        }
    }
}
