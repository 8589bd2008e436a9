using System.Buffers.Binary;
using System.Text;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Tests.Xds;

/// <summary>
/// A client of one control plane that reaches it through the cluster `cp`, over sockets; the server is scripted frame by frame. The test
/// is the control plane's description: credentials and cluster of each call.
/// </summary>
internal sealed class XdsWireBench : IControlPlane, IDisposable
{
    private readonly TestUpstream _upstream;
    private readonly XdsClient _client;

    public XdsWireBench(EventLoop loop)
    {
        Loop = loop;
        _upstream = new TestUpstream(loop);
        Fixture = new TransportFixture(loop);
        Cluster = Http2Cluster(new Http2ProtocolOptions());
        Table = new ResourceTable(loop);
        Table.SubscribeAll(ResourceType.Cluster, Owner, new SubscriptionStats(Fixture.Stats.Scope("cds")));
        DeltaProtocol protocol = new(loop, Table, static () => new Node { Id = "node-1" });
        ClusterDialler dialler = new(Fixture.Workers.Main, Fixture.Clusters, Fixture.Context.Clusters.Reference("cp"), this);
        _client = new XdsClient(loop, Table, protocol, XdsService.Aggregated, dialler, new BackOff(1, 1, static () => 1), Fixture.Stats);
    }

    public EventLoop Loop { get; }

    public TransportFixture Fixture { get; }

    public ResourceTable Table { get; }

    public RecordingOwner Owner { get; } = new();

    /// <summary>Given with each call.</summary>
    public Cluster? Cluster { get; set; }

    public string? Failure { get; set; }

    /// <summary>What the transport said of failed connections.</summary>
    public List<string> TransportFailures { get; } = [];

    public int Calls { get; private set; }

    public string Name => "wire";

    public ControlPlaneCall Prepare()
    {
        Calls++;
        return new ControlPlaneCall { Cluster = Cluster, Failure = Failure, Authority = "auth", Headers = [new("clusterid", "east")] };
    }

    public string? Advice(string transportFailure)
    {
        TransportFailures.Add(transportFailure);
        return null;
    }

    public void Start() => _client.Start();

    public Cluster Http2Cluster(Http2ProtocolOptions options, TransportSocket? tls = null)
    {
        Cluster cluster = TransportFixture.StaticCluster("cp", _upstream.Address);
        cluster.MaxRequestsPerConnection = 1;
        cluster.TransportSocket = tls;
        cluster.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] =
            Any.Pack(new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = options } });
        return cluster;
    }

    public async Task<TestClient> AcceptAsync() => await _upstream.AcceptAsync();

    /// <summary>A connection whose stream is open and has answered with its head.</summary>
    public async Task<Http2Peer> AcceptStreamAsync()
    {
        var server = new Http2Peer((await _upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: false, (":status", "200"), ("content-type", "application/grpc"));
        return server;
    }

    public static async Task<DeltaDiscoveryRequest> ReadRequestAsync(Http2Peer server)
    {
        byte[] body = Encoding.Latin1.GetBytes(await server.ReadBodyAsync(5));
        Assert.Equal(body.Length - 5, BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(1)));
        return DeltaDiscoveryRequest.Parser.ParseFrom(body.AsSpan(5));
    }

    /// <summary>A response of clusters as one gRPC message, in Latin-1.</summary>
    public static string Response(string nonce, params Cluster[] clusters)
    {
        DeltaDiscoveryResponse response = new() { TypeUrl = ResourceType.Cluster.TypeUrl, Nonce = nonce };
        foreach (Cluster cluster in clusters)
        {
            response.Resources.Add(new Resource { Name = cluster.Name, Version = "1", Resource_ = Any.Pack(cluster) });
        }

        byte[] message = response.ToByteArray();
        byte[] prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), message.Length);
        return Encoding.Latin1.GetString([.. prefix, .. message]);
    }

    public Task UntilAsync(Func<bool> condition) => TestPeers.UntilAsync(Loop, condition);

    public void Dispose()
    {
        _client.Dispose();
        Fixture.Workers.Main.CloseClusters();
        _upstream.Dispose();
    }
}
