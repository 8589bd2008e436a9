using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Tests.Reasons;
using Pilotfish.Testing;
using Locality = Pilotfish.Proxy.Clusters.Locality;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>What a record tells of the host that served a request.</summary>
public sealed class UpstreamFactTests
{
    [Fact]
    public void Metadata_IsTheEndpoints() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        List<string> records = [];
        bench.Context.Extensions.Register<IAccessLoggerFactory>(new FormatRecordFactory(records));
        ClusterState cluster = bench.AddCluster("backend");
        var endpoint = new HostConfig(upstream.Address, "")
        {
            Metadata = EndpointMetadata.From(new Metadata
            {
                FilterMetadata = { ["istio"] = new Struct { Fields = { ["workload"] = Value.ForString("reviews-v1;default;reviews;v1;Kubernetes") } } },
            }),
        };
        cluster.Publish(new HostSetBuilder(cluster.Config.LoadBalancing, Locality.None, 1).Build([new Host(endpoint, 1, 0)]));
        bench.Serve(static hcm => hcm.AccessLog.Add(new AccessLog
        {
            Name = "record",
            TypedConfig = CauseBench.Packed(
                "%UPSTREAM_METADATA(istio:workload)% %METADATA(UPSTREAM_HOST:istio:workload):7% "
                + "%CEL(xds.upstream_host_metadata.filter_metadata['istio']['workload'].contains('v1'))% %UPSTREAM_METADATA(none:workload)%"),
        }));
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        await client.ReadHeadAsync();
        Assert.Equal(["reviews-v1;default;reviews;v1;Kubernetes reviews true -"], records);
    });
}
